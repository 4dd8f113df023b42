import t, { type Test } from 'tap';
import { LINK_QUEUE_BYTES } from '../../lib/config.ts';
import type { MeshMessage } from '../../lib/mesh/events.ts';
import type { Link, Purpose } from '../../lib/net/transport.ts';
import { Links } from '../../lib/peer/links.ts';
import type { Cause } from '../../lib/protocol/causes.ts';
import { encode, PROTOCOL } from '../../lib/protocol/codec.ts';
import { peerId, queryId } from '../../lib/protocol/ids.ts';
import type { Contact, LinkMessage, Report } from '../../lib/protocol/messages.ts';
import { HOST, transport } from './cast.ts';

// On a machine with other work.
t.setTimeout(120_000);

/** The body of a peer as far as links go: all that it was told, in order. */
class End {
  readonly told: string[] = [];
  readonly links: Links;
  readonly contact: Contact;
  isFull = false;
  readonly #waiting = new Set<() => void>();

  constructor(contact: Contact) {
    this.contact = contact;
    this.links = new Links(transport, {
      self: () => this.contact,
      trusts: ({ signature }) => signature === 'good',
      hasRoom: () => !this.isFull,
      linkUp: ({ name }) => this.#note(`up ${name}`),
      linkDown: ({ name }, cause) => this.#note(`down ${name} ${cause}`),
      dialFailed: ({ name }, cause) => this.#note(`failed ${name} ${cause}`),
      received: (_, message) => this.#note(`got ${message.type}`),
    });
  }

  /** Settles once it was told one of these so often. */
  async tells(what: string | readonly string[], times = 1): Promise<void> {
    while (this.told.filter((line) => [what].flat().includes(line)).length < times)
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #note(what: string): void {
    this.told.push(what);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    // As the mesh does: whoever is linked says something, and so the dialler knows that it was accepted.
    const linked = /^up (\w)/.exec(what)?.[1];
    if (linked !== undefined) this.links.send(idOf(linked), { type: 'ping' });
  }
}

const idOf = (name: string) => peerId(name.repeat(12));

async function end(
  t: Test,
  name: string,
  accept: (end: End, link: Link, purpose: Purpose) => void = (made, link) => made.links.accept(link),
): Promise<End> {
  let made: End | undefined;
  const listener = await transport.listen({ host: HOST, port: 0 }, ['mesh'], (link, purpose) => made && accept(made, link, purpose));
  made = new End({ peer: idOf(name), name, host: HOST, port: listener.address.port, network: 'p2p', serial: 1, signature: 'good' });
  t.teardown(async () => {
    made?.links.close();
    await listener.close();
  });
  return made;
}

/** A stranger at the door of `to`, what it heard, and why it was let go. */
async function stranger(to: End) {
  const link = await transport.dial(to.contact, 'mesh');
  const heard: string[] = [];
  const closed = new Promise<Cause>((resolve) => link.attach({ text: (text) => void heard.push(JSON.parse(text).type), closed: resolve }));
  return { link, heard, closed, say: (message: LinkMessage) => link.send(encode(message)) };
}

const longReport: Report = {
  contact: { peer: idOf('r'), name: 'r', host: HOST, port: 1, network: 'p2p', serial: 1, signature: 'good' },
  version: 1,
  neighbors: Array.from({ length: 24 }, () => idOf('n')),
};

const hello = (contact: Contact, protocol = PROTOCOL): LinkMessage => ({ type: 'hello', protocol, contact });

t.test('a dialled link stands at both ends, and carries messages in order', async (t) => {
  const [a, b] = await Promise.all([end(t, 'a'), end(t, 'b')]);
  a.links.dial(b.contact);
  await Promise.all([a.tells('got ping'), b.tells('got ping')]);
  for (const type of ['pong', 'ping', 'pong'] as const) a.links.send(idOf('b'), { type });
  await b.tells('got pong', 2);
  t.same(a.told, ['up b', 'got ping']);
  t.same(b.told, ['up a', 'got ping', 'got pong', 'got ping', 'got pong']);
});

t.test('a hang-up is told at once here, and there with its cause', async (t) => {
  const [a, b] = await Promise.all([end(t, 'a'), end(t, 'b')]);
  a.links.dial(b.contact);
  await Promise.all([a.tells('got ping'), b.tells('got ping')]);
  a.links.hangUp(idOf('b'), 'evicted');
  t.equal(a.told.at(-1), 'down b evicted');
  await b.tells('down a evicted');
  a.links.hangUp(idOf('b'), 'evicted');
  a.links.send(idOf('b'), { type: 'ping' });
  t.equal(a.told.filter((line) => line.startsWith('down')).length, 1, 'once');
});

t.test('when both ends dial, one link stays: the one that the lower id dialled, at both ends', async (t) => {
  for (let round = 0; round < 10; round++) {
    const [a, b] = await Promise.all([end(t, 'a'), end(t, 'b')]);
    a.links.dial(b.contact);
    b.links.dial(a.contact);
    await Promise.all([a.tells('up b'), b.tells(['failed a duplicate', 'down a duplicate'])]);
    // What was sent over the link that goes may be lost: say it until it is heard.
    while (![a, b].every(({ told }) => told.includes('got probe'))) {
      a.links.send(idOf('b'), { type: 'probe', peer: idOf('c') });
      b.links.send(idOf('a'), { type: 'probe', peer: idOf('c') });
      await new Promise(setImmediate);
    }
    for (const [one, other] of [
      [a, 'b'],
      [b, 'a'],
    ] as const) {
      const ups = one.told.filter((line) => line === `up ${other}`).length;
      const downs = one.told.filter((line) => line === `down ${other} duplicate`).length;
      t.equal(ups - downs, 1, one.told.join(', '));
    }
    t.notOk(a.told.includes('failed b duplicate'));
  }
});

t.test('a link that one end dials again replaces the earlier one', async (t) => {
  const [a, b] = await Promise.all([end(t, 'a'), end(t, 'b')]);
  a.links.dial(b.contact);
  await Promise.all([a.tells('got ping'), b.tells('got ping')]);
  a.links.dial(b.contact);
  await Promise.all([a.tells('up b', 2), b.tells('up a', 2)]);
  t.ok(b.told.includes('down a duplicate'));
  a.links.send(idOf('b'), { type: 'probe', peer: idOf('c') });
  await b.tells('got probe');
});

t.test('a higher id that dials a link which stands already is told that it is a duplicate', async (t) => {
  const a = await end(t, 'a');
  const b = await end(t, 'b');
  a.links.dial(b.contact);
  await Promise.all([a.tells('got ping'), b.tells('got ping')]);
  b.links.dial(a.contact);
  await b.tells('failed a duplicate');
  t.same(a.told, ['up b', 'got ping'], 'the link that stood is not touched');
});

t.test('nobody there is a dial that failed', async (t) => {
  const [a, b] = await Promise.all([end(t, 'a'), end(t, 'b')]);
  a.links.dial({ ...b.contact, port: 1 });
  await a.tells('failed b crashed');
});

t.test('who bears no signature of the network gets no link, on whichever side', async (t) => {
  const a = await end(t, 'a');
  const guest = await stranger(a);
  guest.say(hello({ ...a.contact, peer: idOf('x'), signature: 'forged' }));
  t.equal(await guest.closed, 'stranger');
  const b = await end(t, 'b', (_, link) => link.send(encode(hello({ ...a.contact, peer: idOf('b'), name: 'b', signature: 'forged' }))));
  a.links.dial(b.contact);
  await a.tells('failed b stranger');
  t.same(a.told, ['failed b stranger']);
});

t.test('who greets with our own id gets no link', async (t) => {
  const a = await end(t, 'a');
  const guest = await stranger(a);
  guest.say(hello(a.contact));
  t.equal(await guest.closed, 'stranger');
});

t.test('another member at the port that was dialled is a stranger there', async (t) => {
  const [a, c] = await Promise.all([end(t, 'a'), end(t, 'c')]);
  a.links.dial({ ...c.contact, peer: idOf('b'), name: 'b' });
  await a.tells('failed b stranger');
  t.same(c.told, []);
});

t.test('who comes when there is no room is told so', async (t) => {
  const [a, b] = await Promise.all([end(t, 'a'), end(t, 'b')]);
  b.isFull = true;
  a.links.dial(b.contact);
  await a.tells('failed b full');
  t.same(b.told, []);
});

t.test('the accepting end says hello first, so that it can be seen who listens', async (t) => {
  const a = await end(t, 'a');
  const guest = await stranger(a);
  while (guest.heard.length === 0) await new Promise(setImmediate);
  t.same(guest.heard, ['hello']);
  guest.link.close('done');
  await guest.closed;
  t.same(a.told, [], 'and a guest that goes was never here');
});

t.test('what is no greeting breaks the protocol', async (t) => {
  const a = await end(t, 'a');
  const wrong: readonly string[] = [
    '{',
    'null',
    encode({ type: 'ping' }),
    encode(hello(a.contact, PROTOCOL + 1)),
    encode({ type: 'stop', stop: queryId('s'.repeat(22)) }),
  ];
  for (const text of wrong) {
    const guest = await stranger(a);
    guest.link.send(text);
    t.equal(await guest.closed, 'protocol', text.slice(0, 40));
  }
  t.same(a.told, []);
});

t.test('a neighbour that breaks the protocol is let go, and that is told', async (t) => {
  for (const [text, told] of [
    ['nonsense', 'down x protocol'],
    [encode(hello({ ...(await end(t, 'x')).contact })), 'down x protocol'],
  ] as const) {
    const a = await end(t, 'a');
    const guest = await stranger(a);
    guest.say(hello({ ...a.contact, peer: idOf('x'), name: 'x' }));
    await a.tells('up x');
    guest.link.send(text);
    t.equal(await guest.closed, 'protocol');
    await a.tells(told);
  }
});

t.test('a dialled end that never accepts is a dial that failed', async (t) => {
  const a = await end(t, 'a');
  const b = await end(t, 'b', (made, link) => {
    link.send(encode(hello(made.contact)));
    link.attach({ text: () => link.close('full'), closed: () => undefined });
  });
  a.links.dial(b.contact);
  await a.tells('failed b full');
  t.same(a.told, ['failed b full']);
});

t.test('whoever says nothing is let go, whichever end it is', async (t) => {
  const a = await end(t, 'a');
  const b = await end(t, 'b', () => undefined);
  const guest = await stranger(a);
  a.links.dial(b.contact);
  t.equal(await guest.closed, 'silent');
  await a.tells('failed b silent');
});

t.test('a neighbour that reads too slowly is let go before more than its share waits for it', async (t) => {
  const a = await end(t, 'a');
  const guest = await transport.dial(a.contact, 'mesh');
  guest.send(encode(hello({ ...a.contact, peer: idOf('x'), name: 'x' })));
  await a.tells('up x');
  const covered = Array.from({ length: 1_000 }, () => idOf('c'));
  let sent = 0;
  while (!a.told.includes('down x slow') && sent < 10_000) {
    a.links.send(idOf('x'), {
      type: 'query',
      query: queryId('q'.repeat(22)),
      want: { by: 'all' },
      reach: covered,
      covered,
      trail: [idOf('a')],
      patienceMs: 0,
    });
    sent += 1;
  }
  t.ok(a.told.includes('down x slow'), `after ${sent} messages`);
  guest.close('done');
});

/** 12 KiB of what is least urgent. */
const bulk = (): MeshMessage => ({ type: 'reports', reports: Array.from({ length: 24 }, () => longReport) });

/** A neighbour `x` that reads nothing, and so many messages sent to it that they fill what the system takes, and half of what may wait. */
async function clogged(a: End) {
  const guest = await stranger(a);
  guest.say(hello({ ...a.contact, peer: idOf('x'), name: 'x' }));
  await a.tells('up x');
  guest.link.pause();
  let sent = 0;
  while (a.links.waitingBytes(idOf('x')) < LINK_QUEUE_BYTES / 2) {
    a.links.send(idOf('x'), bulk());
    sent += 1;
    if (sent % 8 === 0) await new Promise(setImmediate);
  }
  return { guest, sent };
}

t.test('what is urgent overtakes what waits, and all comes once it is read', async (t) => {
  const a = await end(t, 'a');
  const { guest, sent } = await clogged(a);
  a.links.send(idOf('x'), { type: 'stop', stop: queryId('s'.repeat(22)) });
  guest.link.resume();
  while (guest.heard.filter((type) => type === 'reports').length < sent) await new Promise(setImmediate);
  t.ok(guest.heard.indexOf('stop') < guest.heard.length - 1, `the stop came as number ${guest.heard.indexOf('stop')} of ${sent}`);
  t.equal(a.links.waitingBytes(idOf('x')), 0);
  guest.link.close('done');
  await a.tells('down x done');
  t.equal(a.links.waitingBytes(idOf('x')), 0);
});

t.test('what waits when a link is closed still goes out', async (t) => {
  const a = await end(t, 'a');
  const { guest, sent } = await clogged(a);
  a.links.close();
  guest.link.resume();
  t.equal(await guest.closed, 'left');
  t.equal(guest.heard.filter((type) => type === 'reports').length, sent);
});

t.test('the end closes every link, and gives up what is being dialled', async (t) => {
  const [a, b, c] = await Promise.all([end(t, 'a'), end(t, 'b'), end(t, 'c', () => undefined)]);
  a.links.dial(b.contact);
  await Promise.all([a.tells('got ping'), b.tells('got ping')]);
  a.links.dial(c.contact);
  a.links.close();
  await Promise.all([b.tells('down a left'), a.tells('down b left'), a.tells('failed c crashed')]);
});

t.test('whoever is just linking when all ends, or comes after that, is told so', async (t) => {
  const [a, b] = await Promise.all([end(t, 'a'), end(t, 'b')]);
  const stop: MeshMessage = { type: 'stop', stop: queryId('s'.repeat(22)) };
  const guest = await stranger(a);
  while (guest.heard.length === 0) await new Promise(setImmediate);
  a.links.close(stop);
  t.equal(await guest.closed, 'left');
  t.same(guest.heard, ['hello', 'stop']);
  b.links.dial(a.contact);
  await b.tells('down a left');
  t.same(b.told, ['up a', 'got stop', 'down a left']);
});

t.test('whoever comes after one has left is turned away', async (t) => {
  const [a, b] = await Promise.all([end(t, 'a'), end(t, 'b')]);
  a.links.close();
  b.links.dial(a.contact);
  await b.tells('failed a left');
  t.same(b.told, ['failed a left']);
});
