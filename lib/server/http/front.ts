/**
 * The door of the server's HTTP face: what answers is loaded when the first request comes, and let finish at the end.
 *
 * Most servers are never asked anything over HTTP, and loading what answers takes a third of a second of CPU time.
 */
import type { FastifyInstance } from 'fastify';
import { CLOSE_MS } from '../../config.ts';
import type { Exchange } from '../../net/transport.ts';
import { GUARDED } from './guards.ts';
import type { HttpParts } from './parts.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

export class Front {
  readonly #parts: HttpParts;
  readonly #underWay = new Set<Promise<void>>();
  #app: Promise<FastifyInstance> | undefined;
  #isClosing = false;

  constructor(parts: HttpParts) {
    this.#parts = parts;
  }

  /** Answers a request, whatever it is. */
  answer(exchange: Exchange): void {
    if (this.#isClosing) return goodbye(exchange);
    this.#app ??= import('./app.ts').then(({ makeApp }) => makeApp(this.#parts));
    const answered = this.#app.then((app) => handed(exchange, app, this.#parts));
    const over = answered.catch(() => exchange.cut()).finally(() => this.#underWay.delete(over));
    this.#underWay.add(over);
  }

  /** Lets what is under way finish, within `CLOSE_MS`; whoever comes meanwhile is told that the server ends. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CLOSE_MS);
    await Promise.race([Promise.all(this.#underWay), late.promise]);
    clearTimeout(timer);
    await (await this.#app)?.close();
  }
}

/** Settles when the answer is over, or its asker has gone. */
function handed(exchange: Exchange, app: FastifyInstance, { answerMs, stillMs }: HttpParts): Promise<void> {
  if (exchange.isClosed) return Promise.resolve();
  return new Promise((resolve) => {
    exchange.handTo((request, response) => {
      // Whoever goes on sending is not still, and may read nothing all the same.
      const late = setTimeout(() => request.socket.destroy(), answerMs).unref();
      response.once('close', () => {
        clearTimeout(late);
        resolve();
      });
      // Who stops reading in the middle holds what is left of the answer in memory; Node ends a connection that was still so long.
      request.socket.setTimeout(stillMs);
      app.routing(request, response);
    });
  });
}

function goodbye(exchange: Exchange): void {
  const problem = problemOf({ code: 'ENDED', message: 'this server is ending', hint: undefined });
  exchange.begin(problem.status, { ...GUARDED, connection: 'close', 'content-type': PROBLEM_TYPE, 'retry-after': '2' });
  void exchange.send(JSON.stringify(problem));
  exchange.end();
}
