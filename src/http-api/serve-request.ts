/**
 * One request, from its head to its answer.
 *
 * Owns the order: route, origin, key, body, operation, answer. Every failure is answered with its code's status and
 * counted; an exception in an operation becomes INTERNAL and a line in the log, and the node goes on.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Failure, hasFailed } from '../core/broker.ts'
import { EnckeError, errorText } from '../errors.ts'
import type { Logger } from '../log.ts'
import { failureAnswer, httpAnswer, send, sendAndClose } from './answer.ts'
import { type Caller, callerCheck, originFailure } from './authorize.ts'
import { findRoute } from './find-route.ts'
import type { ApiDeps, OperationDeps } from './operation-deps.ts'
import { readBody } from './read-body.ts'
import type { Answer, Route } from './route.ts'
import { routes } from './routes.ts'

export interface ServeOptions {
  readonly deps: ApiDeps
  readonly log: Logger
  /** '' = no key is asked for */
  readonly key: string
  /** Of those who name none */
  readonly tenant: number
  readonly maxBodyBytes: number
  /** Called when nothing more of the request is going to be read and its answer is under way. */
  readonly onAnswer: (request: IncomingMessage) => void
}

/** Makes the function that serves one request and never rejects. */
export function requestServer(options: ServeOptions) {
  const { deps, log, tenant, maxBodyBytes, onAnswer } = options
  const callerOf = callerCheck(options.key, tenant)
  /** What operations of the default tenant work with; others get their own. */
  const usualDeps: OperationDeps = { ...deps, tenant }

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = '', search = ''] = splitTarget(request.url ?? '')
    const found = findRoute(routes, request.method ?? '', path)
    if ('failure' in found) {
      refuse(request, response, found.failure, found.allow === '' ? {} : { Allow: found.allow })
      return
    }
    const { route, params } = found
    const caller = originFailure(request.headers) ?? (route.isOpen ? { tenant } : callerOf(request.headers))
    if (hasFailed(caller)) {
      refuse(request, response, caller)
      return
    }
    const own = depsOf(caller)
    if (route.method === 'GET') {
      onAnswer(request)
      answer(request, response, route, await run(route, () => route.run(own, params, search)))
      return
    }
    const body = await readBody(request, response, maxBodyBytes)
    if (body === 'gone') return
    if (!Buffer.isBuffer(body)) {
      refuse(request, response, body)
      return
    }
    onAnswer(request)
    answer(request, response, route, await run(route, () => route.run(own, body)))
  }

  function depsOf(caller: Caller): OperationDeps {
    return caller.tenant === tenant ? usualDeps : { ...deps, tenant: caller.tenant }
  }

  async function run(route: Route, operation: () => Promise<Answer>): Promise<Answer> {
    try {
      return await operation()
    } catch (thrown) {
      if (thrown instanceof EnckeError) return { failed: thrown.code, message: thrown.message }
      log.error('http api operation failed', {
        operation: route.name,
        error: errorText(thrown),
        stack: stackOf(thrown),
      })
      return {
        failed: 'INTERNAL',
        message: `Cannot ${route.name}: the node met a fault of its own, see its log`,
      }
    }
  }

  function answer(request: IncomingMessage, response: ServerResponse, route: Route, result: Answer): void {
    if (hasFailed(result) && !route.isProbe) deps.observer.commandFailed(result.failed)
    send(request, response, httpAnswer(result))
  }

  /** Answers a request whose body, if it has one, is not going to be read. */
  function refuse(
    request: IncomingMessage,
    response: ServerResponse,
    failure: Failure,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    onAnswer(request)
    deps.observer.commandFailed(failure.failed)
    const finish = hasBody(request) ? sendAndClose : send
    finish(request, response, failureAnswer(failure, headers))
  }
}

/** Path and query of a request target, without the `?` between them. */
function splitTarget(target: string): readonly string[] {
  const mark = target.indexOf('?')
  return mark === -1 ? [target] : [target.slice(0, mark), target.slice(mark + 1)]
}

/** RFC 9112 §6.3: a request has a body when one of the two headers says so. */
function hasBody({ headers, complete }: IncomingMessage): boolean {
  const isDeclared = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
  return isDeclared && !complete
}

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : undefined
}
