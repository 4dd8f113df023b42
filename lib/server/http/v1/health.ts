/** Whether the server is well: for people, for whoever restarts it, for Prometheus. */
import { Type } from 'typebox';
import { PROTOCOL } from '../../../protocol/codec.ts';
import type { Metrics } from '../metrics.ts';
import { type Operation, operation } from '../operation.ts';
import type { HttpParts } from '../parts.ts';
import { Count, closed, Moment, moment } from './shapes.ts';

const PLAIN = 'text/plain; charset=utf-8';

const Health = Type.Object(
  {
    status: Type.Literal('serving'),
    protocol: Type.Integer({ description: 'The version of the protocol that peers must speak.' }),
    since: Moment,
    networks: Count,
    members: Count,
    links: Count,
  },
  closed,
);

export function healthOperations(parts: HttpParts, metrics: Metrics): readonly Operation[] {
  return [
    operation({
      method: 'GET',
      path: '/healthz',
      id: 'healthz',
      group: 'health',
      summary: 'Says ok while the server serves and its register answers.',
      result: { schema: Type.Literal('ok\n'), sentence: 'All is well.', type: PLAIN },
      refusals: [],
      async answer() {
        await members(parts);
        return 'ok\n' as const;
      },
    }),
    operation({
      method: 'GET',
      path: '/metrics',
      id: 'metrics',
      group: 'health',
      summary: 'What the server counts, as Prometheus reads it.',
      result: { schema: Type.String(), sentence: 'The figures.', type: metrics.type },
      refusals: [],
      answer: () => metrics.shown(),
    }),
    operation({
      method: 'GET',
      path: '/v1/health',
      id: 'health',
      group: 'health',
      summary: 'How the server is.',
      result: { schema: Health, sentence: 'How it is.' },
      refusals: [],
      async answer() {
        const counts = { networks: parts.networks().length, members: await members(parts), links: parts.links() };
        return { status: 'serving' as const, protocol: PROTOCOL, since: moment(parts.since), ...counts };
      },
    }),
  ];
}

async function members({ networks }: HttpParts): Promise<number> {
  const counts = await Promise.all(networks().map(({ registry }) => registry.count()));
  return counts.reduce((total, count) => total + count, 0);
}
