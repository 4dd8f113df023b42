import t, { type Test } from 'tap';
import { LINK_QUEUE_BYTES } from '../../lib/config.ts';
import type { MeshMessage } from '../../lib/mesh/events.ts';
import { Identity } from '../../lib/net/identity.ts';
import type { Link, Purpose } from '../../lib/net/transport.ts';
import { type LinkOwner, Links, OF_NEIGHBORS } from '../../lib/peer/links.ts';
import type { Cause } from '../../lib/protocol/causes.ts';
import { encode, PROTOCOL } from '../../lib/protocol/codec.ts';
import type { Contact } from '../../lib/protocol/fields.ts';
import { type PeerId, queryId } from '../../lib/protocol/ids.ts';
import { type LinkMessage, MAX_REPORTS, type Report } from '../../lib/protocol/messages/link.ts';
import { helloText } from '../../lib/protocol/proofs.ts';
import { HOST, transport } from './cast.ts';

// On a machine with other work.
t.setTimeout(120_000);

/** Who is who: ids in the order of the names. */
const NAMES = ['a', 'b', 'c', 'n', 'r', 'x'];
const drawn = NAMES.map(() => new Identity()).sort((one, other) => (one.peer < other.peer ? -1 : 1));
const identityOf = (name: string) => drawn[NAMES.indexOf(name)] as Identity;
const idOf = (name: string): PeerId => identityOf(name).peer;

/** The body of a peer as far as links go: all that it was told, in order. */
class End {
  readonly told: string[] = [];
  readonly links: Links<MeshMessage>;
  readonly contact: Contact;
  isFull = false;
  readonly #waiting = new Set<() => void>();

  constructor(contact: Contact) {
    this.contact = contact;
    const owner: LinkOwner<MeshMessage> = {
      self: () => this.contact,
      trusts: ({ signature }) => signature === 'good',
      hasRoom: () => !this.isFull,
      linkUp: ({ name }) => this.#note(`up ${name}`),
      linkDown: ({ name }, cause) => this.#note(`down ${name} ${cause}`),
      dialFailed: ({ name }, cause) => this.#note(`failed ${name} ${cause}`),
      received: (_, message) => this.#note(`got ${message.type}`),
    };
    this.links = new Links(transport, identityOf(contact.name), owner, OF_NEIGHBORS);
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

type Hello = Extract<LinkMessage, { type: 'hello' }>;

/** A guest at the door of `to` that greets, once it was greeted, and proves that it has the keys of `as`. */
async function guest(to: End, contact: Contact, as = identityOf(contact.name), nonce = NONCE) {
  const link = await transport.dial(to.contact, 'mesh');
  const heard: string[] = [];
  const greeted = Promise.withResolvers<Hello>();
  const closed = new Promise<Cause>((resolve) => {
    link.attach({
      text: (text) => {
        const message = JSON.parse(text);
        heard.push(message.type);
        greeted.resolve(message);
      },
      closed: resolve,
    });
  });
  const theirs = await greeted.promise;
  const proof = as.prove(theirs.keys, helloText(theirs.nonce, nonce, contact.peer));
  link.send(encode({ ...hello(contact, PROTOCOL, as), proof }));
  return { link, heard, closed, theirs, proof, say: (message: LinkMessage) => link.send(encode(message)) };
}

const member = (to: End, name = 'x'): Contact => ({ ...to.contact, peer: idOf(name), name });

const longReport: Report = {
  contact: { peer: idOf('r'), name: 'r', host: HOST, port: 1, network: 'p2p', serial: 1, signature: 'good' },
  version: 1,
  neighbors: Array.from({ length: 24 }, () => idOf('n')),
  keys: 'k'.repeat(86),
  signature: 's'.repeat(86),
};

const NONCE = 'n'.repeat(22);
const hello = (contact: Contact, protocol = PROTOCOL, { keys } = identityOf(contact.name)): Hello => {
  return { type: 'hello', protocol, contact, keys, nonce: NONCE };
};

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
      a.links.send(idOf('b'), { type: 'probe', peer: idOf('c'), silentMs: 0 });
      b.links.send(idOf('a'), { type: 'probe', peer: idOf('c'), silentMs: 0 });
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
  a.links.send(idOf('b'), { type: 'probe', peer: idOf('c'), silentMs: 0 });
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
  t.equal(await (await guest(a, { ...member(a), signature: 'forged' })).closed, 'stranger');
  const b = await end(t, 'b', (_, link) => link.send(encode(hello({ ...a.contact, peer: idOf('b'), name: 'b', signature: 'forged' }))));
  a.links.dial(b.contact);
  await a.tells('failed b stranger');
  t.same(a.told, ['failed b stranger']);
});

t.test('who greets with our own id gets no link', async (t) => {
  const a = await end(t, 'a');
  t.equal(await (await guest(a, a.contact)).closed, 'stranger');
});

t.test('who shows the contact of another is a stranger, whatever it proves', async (t) => {
  const a = await end(t, 'a');
  const x = member(a);
  t.equal(await (await guest(a, x, identityOf('c'))).closed, 'stranger', 'its own keys are not those of the id');
  const silent = await stranger(a);
  silent.say(hello(x));
  t.equal(await silent.closed, 'stranger', 'the keys of the id, and no proof');
  const earlier = await guest(a, x);
  await a.tells('up x');
  for (const proof of [earlier.proof, 'A'.repeat(16), identityOf('c').prove(identityOf('a').keys, 'x')]) {
    const liar = await stranger(a);
    liar.say({ ...hello(x), proof });
    t.equal(await liar.closed, 'stranger');
  }
  t.same(a.told, ['up x'], 'and the link that stands is not touched');
  earlier.link.close('done');
  await a.tells('down x done');
});

t.test('who answers a dial with the contact of another is a stranger there', async (t) => {
  const a = await end(t, 'a');
  const say = (messages: readonly LinkMessage[]) => (_: End, link: Link) => {
    const answer = () => {
      for (const message of messages.slice(1)) link.send(encode(message));
    };
    link.attach({ text: answer, closed: () => undefined });
    link.send(encode(messages[0] as LinkMessage));
  };
  const liars: readonly [string, (contact: Contact) => readonly LinkMessage[]][] = [
    ['failed b stranger', (contact) => [hello(contact, PROTOCOL, identityOf('c'))]],
    ['failed b stranger', (contact) => [hello(contact), { type: 'welcome', proof: 'A'.repeat(16) }]],
    ['failed b protocol', (contact) => [hello(contact), { type: 'stop', stop: queryId('s'.repeat(22)) }]],
  ];
  for (const [index, [told, words]] of liars.entries()) {
    const b: End = await end(t, 'b', (made, link) => say(words(made.contact))(made, link));
    a.links.dial(b.contact);
    await a.tells(told, told.endsWith('stranger') ? index + 1 : 1);
  }
  t.same(new Set(a.told), new Set(['failed b stranger', 'failed b protocol']), 'nothing of it was heard');
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
    [encode(hello((await end(t, 'x')).contact)), 'down x protocol'],
    [encode({ type: 'welcome', proof: 'A'.repeat(16) }), 'down x protocol'],
  ] as const) {
    const a = await end(t, 'a');
    const neighbor = await guest(a, member(a));
    await a.tells('up x');
    neighbor.link.send(text);
    t.equal(await neighbor.closed, 'protocol');
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
  const slow = await guest(a, member(a));
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
  slow.link.close('done');
});

/** 16 KiB of what is least urgent. */
const bulk = (): MeshMessage => ({ type: 'reports', reports: Array.from({ length: MAX_REPORTS }, () => longReport) });

/** A neighbour `x` that reads nothing, and so many messages sent to it that they fill what the system takes, and half of what may wait. */
async function clogged(a: End) {
  const neighbor = await guest(a, member(a));
  await a.tells('up x');
  neighbor.link.pause();
  let sent = 0;
  while (a.links.waitingBytes(idOf('x')) < LINK_QUEUE_BYTES / 2) {
    a.links.send(idOf('x'), bulk());
    sent += 1;
    if (sent % 8 === 0) await new Promise(setImmediate);
  }
  return { guest: neighbor, sent };
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
  const newcomer = await stranger(a);
  while (newcomer.heard.length === 0) await new Promise(setImmediate);
  a.links.close(stop);
  const late = await guest(a, member(a));
  t.equal(await late.closed, 'left');
  t.same(late.heard, ['hello', 'welcome', 'stop']);
  t.same(newcomer.heard, ['hello'], 'who does not say who it is is not told');
  newcomer.link.close('done');
  await newcomer.closed;
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
