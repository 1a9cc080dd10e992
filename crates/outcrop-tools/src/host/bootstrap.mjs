// Runs a Node.js handler for Outcrop's local Lambda host: asks the Lambda Runtime API for events, answers them.
// Standard library only, HTTP over one kept connection by hand: cheaper than node:http and one file.

import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const BASE = '/2018-06-01/runtime/';
const environment = process.env;

/** One kept connection to the host. Its end is ours: the host is gone or wants no more of us. */
class Connection {
  constructor(address) {
    const colon = address.lastIndexOf(':');
    this.address = address;
    this.buffer = Buffer.alloc(0);
    this.waiting = null;
    this.socket = net.connect(Number(address.slice(colon + 1)), address.slice(0, colon));
    this.socket.setNoDelay(true);
    this.socket.on('data', (data) => {
      this.buffer = this.buffer.length ? Buffer.concat([this.buffer, data]) : data;
      this.deliver();
    });
    this.socket.on('error', () => process.exit(0));
    this.socket.on('close', () => process.exit(0));
  }

  get(call) {
    return Buffer.from(`GET ${BASE}${call} HTTP/1.1\r\nHost: ${this.address}\r\n\r\n`);
  }

  post(call, body, errorType) {
    const bytes = Buffer.from(body);
    const kind = errorType ? `Lambda-Runtime-Function-Error-Type: ${errorType.replace(/[^\x21-\x7e]/g, '?')}\r\n` : '';
    const head = `POST ${BASE}${call} HTTP/1.1\r\nHost: ${this.address}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${bytes.length}\r\n${kind}\r\n`;
    return Buffer.concat([Buffer.from(head), bytes]);
  }

  send(...requests) {
    this.socket.write(Buffer.concat(requests));
  }

  /** The next answer: status, headers with names in lower case, body. */
  receive() {
    return new Promise((resolve) => {
      this.waiting = resolve;
      this.deliver();
    });
  }

  deliver() {
    const end = this.waiting ? this.buffer.indexOf('\r\n\r\n') : -1;
    if (end < 0) return;
    const [first, ...lines] = this.buffer.toString('latin1', 0, end).split('\r\n');
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const whole = end + 4 + Number(headers['content-length'] ?? 0);
    if (this.buffer.length < whole) return;
    const body = this.buffer.subarray(end + 4, whole);
    this.buffer = this.buffer.subarray(whole);
    const resolve = this.waiting;
    this.waiting = null;
    resolve({ status: Number(first.split(' ')[1]), headers, body });
  }
}

/** A function that cannot start; `name` is Lambda's error type. */
class Fault extends Error {
  constructor(name, message, cause) {
    super(message);
    this.name = name;
    if (cause?.stack) this.stack = cause.stack;
  }
}

const connection = new Connection(environment.AWS_LAMBDA_RUNTIME_API);
const following = connection.get('invocation/next');
let requestId = null;
let loaded = false;

async function main() {
  let handler;
  try {
    handler = await load(environment._HANDLER ?? '');
  } catch (error) {
    await give_up(error, 1);
  }
  loaded = true;
  connection.send(following);
  for (;;) {
    const event = await connection.receive();
    if (event.status !== 200) {
      console.error(`the host answered ${event.status} instead of an event`);
      process.exit(1);
    }
    const answer = await serve(handler, event);
    requestId = null;
    // Sent together: the host has our answer and knows that we are free in one go.
    connection.send(answer, following);
    await connection.receive();
  }
}

async function serve(handler, { headers, body }) {
  requestId = headers['lambda-runtime-aws-request-id'];
  environment._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'] ?? '';
  try {
    const result = await call(handler, JSON.parse(body.toString('utf8')), headers);
    return connection.post(`invocation/${requestId}/response`, marshal(result));
  } catch (error) {
    const [kind, payload] = describe(error);
    return connection.post(`invocation/${requestId}/error`, payload, kind);
  }
}

/** Promise, callback or plain value, whichever the handler uses. */
function call(handler, event, headers) {
  return new Promise((resolve, reject) => {
    // Only the handler's own work keeps the process going: if that runs dry without an answer, the answer is null.
    const dry = () => finish(resolve, null);
    const finish = (settle, value) => {
      process.off('beforeExit', dry);
      connection.socket.ref();
      settle(value);
    };
    const callback = (error, value) => (error ? finish(reject, error) : finish(resolve, value));
    process.once('beforeExit', dry);
    connection.socket.unref();
    let result;
    try {
      result = handler(event, context(headers, callback), callback);
    } catch (error) {
      finish(reject, error);
      return;
    }
    if (typeof result?.then === 'function') {
      result.then((value) => finish(resolve, value), (error) => finish(reject, error));
    } else if (result !== undefined && handler.length < 3) {
      finish(resolve, result);
    }
  });
}

function context(headers, callback) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  const client = headers['lambda-runtime-client-context'];
  return {
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: client ? JSON.parse(client) : undefined,
    identity: undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
    done: callback,
    succeed: (value) => callback(null, value),
    fail: (error) => callback(error ?? new Error('the handler called fail() without an error')),
  };
}

/** The function that `dir/module.export.path` names. */
async function load(handler) {
  const [, folder, module, names] = /^(.*\/)?([^./]+)\.(.+)$/.exec(handler) ?? [];
  if (!module) throw new Fault('Runtime.MalformedHandlerName', `Bad handler '${handler}': it has no dot between module and function`);
  const stem = path.resolve(environment.LAMBDA_TASK_ROOT ?? '.', folder ?? '', module);
  const file = ['', '.js', '.mjs', '.cjs'].map((ending) => stem + ending).find((name) => statSync(name, { throwIfNoEntry: false })?.isFile());
  if (!file) throw new Fault('Runtime.ImportModuleError', `Error: Cannot find module '${(folder ?? '') + module}'`);
  let found;
  try {
    found = await import_any(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`, error);
    if (/MODULE_NOT_FOUND$/.test(error?.code)) throw new Fault('Runtime.ImportModuleError', `Error: ${error.message}`, error);
    throw error;
  }
  for (const root of [found, found?.default]) {
    const value = names.split('.').reduce((inner, name) => inner?.[name], root);
    if (typeof value === 'function') return value;
  }
  throw new Fault('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
}

async function import_any(file) {
  if (!file.endsWith('.mjs')) {
    try {
      return createRequire(file)(file);
    } catch (error) {
      if (!['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error?.code)) throw error;
    }
  }
  return import(pathToFileURL(file));
}

function marshal(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? 'null';
  } catch (error) {
    throw new Fault('Runtime.MarshalError', `Unable to stringify response body: ${error.message}`, error);
  }
}

/** Lambda's error payload, and the error as text in the log. */
function describe(error) {
  const real = error instanceof Error || typeof error?.stack === 'string';
  const payload = real
    ? { errorType: String(error.name), errorMessage: String(error.message), trace: String(error.stack).split('\n') }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };
  console.error(`[ERROR] ${payload.errorType}: ${payload.errorMessage}\n${payload.trace.slice(1).join('\n')}`);
  return [payload.errorType, JSON.stringify(payload)];
}

/** Tells the host why there will be no answer, and ends. */
async function give_up(error, status) {
  const [kind, payload] = describe(error);
  // Between events nobody waits for an answer, and the connection waits for the next event.
  if (loaded && !requestId) process.exit(status);
  connection.send(connection.post(requestId ? `invocation/${requestId}/error` : 'init/error', payload, kind));
  await connection.receive();
  process.exit(status);
}

process.on('uncaughtException', (error) => give_up(error, 129));
process.on('unhandledRejection', (reason) =>
  give_up(new Fault('Runtime.UnhandledPromiseRejection', reason?.message ?? String(reason), reason), 128));

main();
