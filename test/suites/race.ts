/** Ten joiners at once, wherever they ask: each gets a port of its own, and one of them is the first. */
import { named } from '../../lib/errors.ts';
import type { Address } from '../../lib/net/transport.ts';
import { Joiner, LATE } from './joiner.ts';

/** As many as the pool has ports. */
export const RACERS = 10;

/** Has all join an empty network at once, in turns at these servers, and leave; answers what was wrong. */
export async function race(servers: readonly Address[], round: number): Promise<readonly string[]> {
  const racers = Array.from({ length: RACERS }, (_, index) => new Joiner(`r${round}-${index}`));
  const referrals = await Promise.all(racers.map((racer, index) => entered(racer, servers[index % servers.length])));
  const ports = new Set(racers.map(({ place }) => place?.contact.port));
  const first = referrals.filter((referral) => referral === null).length;
  await Promise.all(racers.map((racer) => racer.leave()));
  return [
    ...(ports.size === RACERS ? [] : [`round ${round}: ${RACERS} joiners got ${ports.size} ports`]),
    ...(first === 1 ? [] : [`round ${round}: ${first} joiners were told that nobody was before them`]),
  ];
}

async function entered(racer: Joiner, server: Address = { host: '', port: 0 }) {
  for (;;) {
    try {
      if (racer.place === undefined) await racer.ask(server);
      return await racer.listen();
    } catch (thrown) {
      const { code } = named(thrown);
      if (!LATE.has(code) && code !== 'UNREACHABLE') throw thrown;
    }
  }
}
