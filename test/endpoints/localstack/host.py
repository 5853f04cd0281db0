"""Runs LocalStack on this machine instead of in its container. Two things that its image brings, or asks Docker for, come
from here: the engine of DynamoDB, and the processes of Lambda functions. And event sources ask their queues as Lambda does.

Started by ../localstack.ts with: ENGINE, DynamoDB Local's command as JSON, NODE, and FUNCTION, the program that runs a
function's code.
"""

import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

from localstack import config
from localstack.runtime.main import main
from localstack.services.dynamodb.server import DynamodbServer
from localstack.services.lambda_.event_source_mapping.pollers.poller import EmptyPollResultsException
from localstack.services.lambda_.event_source_mapping.pollers.sqs_poller import SqsPoller
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import DockerRuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from localstack.utils.threads import TMP_THREADS, FuncThread

ENGINE = json.loads(os.environ["ENGINE"])
NODE = os.environ["NODE"]
FUNCTION = os.environ["FUNCTION"]


def start_engine(server: DynamodbServer) -> FuncThread:
    # In our process group, unlike the one that LocalStack starts: what ends us ends it too.
    process = subprocess.Popen([*ENGINE, "-port", str(server.port)], stdin=subprocess.DEVNULL)
    thread = FuncThread(lambda _: process.wait(), on_stop=lambda _: process.kill(), name="dynamodb-local")
    thread.process = process
    TMP_THREADS.append(thread)
    thread.start()
    return thread


class FunctionProcess(RuntimeExecutor):
    """One environment of a function: a process that runs one invocation after the other, and is replaced when it has ended."""

    def __init__(self, id, function_version):
        super().__init__(id, function_version)
        self.environment = {}
        self.process = None
        self.answers = None
        self.output = None

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass

    def start(self, env_vars):
        self.environment = {
            **{name: str(value) for name, value in env_vars.items()},
            "PATH": os.environ["PATH"],
            "LAMBDA_TASK_ROOT": str(self.function_version.config.code.get_unzipped_code_location()),
        }
        self.output = tempfile.TemporaryFile()
        self.spawn()

    def spawn(self):
        if self.answers is not None:
            self.answers.close()
        reading, writing = os.pipe()
        self.process = subprocess.Popen(
            [NODE, FUNCTION, str(writing)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
        )
        os.close(writing)
        self.answers = os.fdopen(reading, "rb")

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def invoke(self, payload):
        if self.process.poll() is not None:
            self.spawn()
        seen = self.output.seek(0, os.SEEK_END)
        timeout = self.function_version.config.timeout
        timed_out = threading.Event()
        process = self.process

        def end():
            timed_out.set()
            process.kill()

        timer = threading.Timer(timeout, end)
        timer.start()
        try:
            answer = self.ask({**payload, "timeout": timeout})
        finally:
            timer.cancel()
        if answer is None:
            code = self.process.wait()
            text = f"Task timed out after {timeout}.00 seconds" if timed_out.is_set() else f"the process ended with {code}"
            answer = {"failed": True, "payload": json.dumps({"errorType": "Runtime.ExitError", "errorMessage": text})}
        self.output.seek(seen)
        return InvocationResult(
            request_id=payload["invoke-id"],
            payload=answer["payload"].encode(),
            is_error=answer["failed"],
            logs=f"START RequestId: {payload['invoke-id']}\n" + self.output.read().decode(errors="replace"),
        )

    def ask(self, invocation):
        """The answer, or None when the process ends without one."""
        try:
            self.process.stdin.write(json.dumps(invocation).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self.answers.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def get_logs(self):
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"


prepare_poller = SqsPoller.__init__
poll_once = SqsPoller.poll_events


def prepare_long_poller(self, *args, **kwargs):
    prepare_poller(self, *args, **kwargs)
    self.maximum_batching_window = 1


def poll_again(self):
    # Without this it waits for a second after each look at an empty queue.
    try:
        poll_once(self)
    except EmptyPollResultsException:
        pass


SqsPoller.__init__ = prepare_long_poller
SqsPoller.poll_events = poll_again
DynamodbServer.do_start_thread = start_engine
DockerRuntimeExecutorPlugin.load = lambda self, *args, **kwargs: FunctionProcess

if __name__ == "__main__":
    main()
