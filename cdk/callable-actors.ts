import { Stack } from "aws-cdk-lib";
import { Grant } from "aws-cdk-lib/aws-iam";
import type { IFunction, Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Construct, type IConstruct } from "constructs";
import { IDENTIFIER_RULE, isIdentifier } from "../project/manifest.ts";
import { type CallAddress, type CallTarget, callAddress, callStatements } from "./call-target.ts";
import { ConfigurationError } from "./configuration-error.ts";

/** The actors of one project, of this stack or of another one, as the functions that call them see them. */
export interface IStatefulActors extends IConstruct {
  /** The types that live here; undefined for actors of another stack that did not say. */
  readonly types: ReadonlySet<string> | undefined;
  readonly callTarget: CallTarget;

  /**
   * Lets a function of the same account and region call these actors: it may send to their mailbox and delay queue, and
   * read outcomes. It gets no right to their state.
   */
  grantCall(fn: IFunction): Grant;

  /**
   * Lets a function call these actors, and tells it where they are: each binding names a type of theirs, as in
   * `bind(fn, { READONLY: "Account" })`. Can be called again, for the same function and for others, also of other
   * actors.
   *
   * The bindings lie in the environment variable `ACTOR_BINDINGS`, as JSON of 250 to 400 bytes a binding; Lambda takes
   * 4 KB of variables for a function, all together.
   *
   * Throws a ConfigurationError for a type that is not here, and for a binding that is no identifier or is taken.
   */
  bind(fn: LambdaFunction, bindings: Readonly<Record<string, string>>): void;
}

interface BoundType extends CallAddress {
  readonly type: string;
}

/** By function, as actors of several projects may be bound to one. */
const bound = new WeakMap<LambdaFunction, ReadonlyMap<string, BoundType>>();

export abstract class CallableActors extends Construct implements IStatefulActors {
  abstract readonly types: ReadonlySet<string> | undefined;
  abstract readonly callTarget: CallTarget;

  grantCall(fn: IFunction): Grant {
    const grants = callStatements(this.callTarget).map(({ actions, resources, conditions }) =>
      Grant.addToPrincipal({ grantee: fn, actions, resourceArns: resources, conditions }),
    );
    return grants.reduce((all, each) => all.combine(each));
  }

  bind(fn: LambdaFunction, bindings: Readonly<Record<string, string>>): void {
    const all = new Map(bound.get(fn));
    for (const [binding, type] of Object.entries(bindings)) {
      this.#check(binding, type);
      const taken = all.get(binding);
      if (taken !== undefined) {
        throw new ConfigurationError(
          `binding ${binding}: ${fn.node.path} has it already, for the type ${taken.type}; a binding is used once in a function, choose another name`,
        );
      }
      all.set(binding, { type, ...callAddress(this.callTarget) });
    }
    bound.set(fn, all);
    this.grantCall(fn);
    fn.addEnvironment("ACTOR_BINDINGS", Stack.of(fn).toJsonString(Object.fromEntries(all)));
  }

  #check(binding: string, type: string): void {
    if (!isIdentifier(binding)) {
      throw new ConfigurationError(
        `binding ${JSON.stringify(binding)}: ${IDENTIFIER_RULE}; choose another name`,
      );
    }
    if (!isIdentifier(type)) {
      throw new ConfigurationError(
        `binding ${binding} of the type ${JSON.stringify(type)}: ${IDENTIFIER_RULE}; give the name of an actor class`,
      );
    }
    if (this.types !== undefined && !this.types.has(type)) {
      throw new ConfigurationError(
        `binding ${binding} of the type ${type}: ${this.node.path} has no such type of its own; choose one that it has: ${[...this.types].join(", ")}`,
      );
    }
  }
}
