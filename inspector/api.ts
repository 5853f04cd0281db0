import type { CallAnswer, InstanceAnswer, ListAnswer, ProjectAnswer } from "./answers.ts";

const API = "/__actors/api/";

export function readProject(): Promise<ProjectAnswer> {
  return get("project", {});
}

export function listInstances(query: { type: string; prefix: string; after?: string }): Promise<ListAnswer> {
  return get("instances", query);
}

export function readInstance(query: { type: string; name: string; after?: string }): Promise<InstanceAnswer> {
  return get("instance", query);
}

export async function callMethod(call: {
  type: string;
  name: string;
  method: string;
  args: readonly unknown[];
}): Promise<CallAnswer> {
  const response = await fetch(`${API}call`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(call),
  });
  const answer = await response.json();
  return response.ok ? answer : { ok: false, error: answer.error };
}

export function turnEvents(): EventSource {
  return new EventSource(`${API}turns`);
}

async function get<T>(path: string, query: Readonly<Record<string, string>>): Promise<T> {
  const response = await fetch(`${API}${path}?${new URLSearchParams(query)}`);
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.error.name}: ${answer.error.message}`);
  return answer;
}
