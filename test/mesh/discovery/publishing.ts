import t from 'tap';
import { HITS_BYTES, PUBLISH_PAUSE_MS } from '../../../lib/config.ts';
import type { View } from '../../../lib/mesh/discovery/discovery.ts';
import { FloodDiscovery } from '../../../lib/mesh/discovery/flood.ts';
import { Publishing } from '../../../lib/mesh/discovery/publishing.ts';
import type { MeshEffect } from '../../../lib/mesh/events.ts';
import { Shelf } from '../../../lib/mesh/shelf.ts';
import { encode } from '../../../lib/protocol/codec.ts';
import type { SharedFile } from '../../../lib/protocol/fields.ts';
import type { Inquiry, InquiryAnswer } from '../../../lib/protocol/messages/server.ts';
import { IndexDesk } from '../index-desk.ts';
import { spokenFor } from '../mind.ts';
import { contactOf, fileOf } from '../network.ts';

type Publish = Extract<Inquiry, { type: 'publish' }>;
type Respond = (message: Publish) => InquiryAnswer | undefined;

const contact = contactOf('m');

/** A peer that publishes, and what the server knows of it. */
class Publisher {
  readonly shelf = new Shelf();
  readonly publishing = new Publishing(new FloodDiscovery());
  readonly desk = new IndexDesk();
  readonly sent: Publish[] = [];
  now = 0;
  /** What the server says, where it is not what the index does. */
  respond: Respond = (message) => this.desk.answer(contact.peer, message, [contact]);

  constructor(...files: readonly SharedFile[]) {
    for (const file of files) this.shelf.put(file);
  }

  get view(): View {
    return {
      self: contact.peer,
      now: this.now,
      neighbors: new Set(),
      library: this.shelf,
      knowsAll: true,
      contact,
      trusts: () => true,
      members: () => [contact.peer],
      routes: () => new Map(),
      ...spokenFor('m'),
    };
  }

  /** A second passes; what was published then. */
  pulse(): readonly Publish[] {
    this.now += 1_000;
    return this.#perform(this.publishing.handle({ type: 'timerFired', timer: { of: 'pulse' } }, this.view));
  }

  /** The server gave us a place, once more. */
  joined(): readonly Publish[] {
    this.publishing.handle({ type: 'assigned', contact }, this.view);
    return this.#perform(this.publishing.handle({ type: 'referred', contact: null }, this.view));
  }

  /** What the server has of us. */
  get published(): string[] {
    return this.desk.listOf(contact.peer);
  }

  #perform(effects: readonly MeshEffect[]): readonly Publish[] {
    const before = this.sent.length;
    for (let next = effects; next.length > 0; ) {
      next = next.flatMap((effect) => {
        if (effect.type !== 'askServer' || effect.request.type !== 'publish') throw new Error(`it wants ${effect.type}`);
        this.sent.push(effect.request);
        encode({ ...effect.request, id: 1 });
        return this.publishing.handle({ type: 'serverAnswered', ask: effect.ask, answer: this.respond(effect.request) }, this.view);
      });
    }
    return this.sent.slice(before);
  }
}

function refusing(code: string): Respond {
  return () => ({ type: 'refused', code, message: 'no' });
}

t.test('the whole list goes first, and then only what changes', async (t) => {
  const peer = new Publisher(fileOf('f1'), fileOf('f2'));
  t.match(peer.joined(), [{ base: 'whole', removed: [], put: { length: 2 } }]);
  t.same(peer.pulse(), [], 'nothing, while nothing changes');
  peer.shelf.put(fileOf('f3'));
  peer.shelf.remove('f1');
  t.match(peer.pulse(), [{ base: 1, version: 2, removed: ['f1'], put: [fileOf('f3')] }]);
  t.same(peer.published, ['f2', 'f3']);
});

t.test('who shares nothing publishes nothing', async (t) => {
  const peer = new Publisher();
  t.same([...peer.joined(), ...peer.pulse()], []);
  peer.shelf.put(fileOf('f1'));
  peer.shelf.remove('f1');
  t.same(peer.pulse(), []);
});

t.test('a list that becomes empty is empty at the server, too', async (t) => {
  const peer = new Publisher(fileOf('f1'));
  peer.joined();
  peer.shelf.remove('f1');
  t.match(peer.pulse(), [{ base: 1, removed: ['f1'], put: [] }]);
  t.same(peer.published, []);
});

t.test('ten thousand files go in messages that fit, one after the other, none twice', async (t) => {
  const names = Array.from({ length: 10_000 }, (_, index) => `${index} ${'ä'.repeat(index % 100)}`);
  const peer = new Publisher(...names.map((name) => fileOf(name)));
  const sent = peer.joined();
  t.equal(sent.flatMap(({ put }) => put).length, names.length);
  t.ok(sent.every((message) => Buffer.byteLength(encode({ ...message, id: 1 })) < HITS_BYTES + 1_024));
  t.equal(peer.published.length, names.length);
  for (const name of names) peer.shelf.remove(name);
  peer.pulse();
  t.same(peer.published.length, 0, 'and all of them go again, though too many at once to be told one by one');
});

t.test('another server of the same register is told nothing again', async (t) => {
  const peer = new Publisher(fileOf('f1'));
  peer.joined();
  t.same(peer.joined(), [{ type: 'publish', base: 1, version: 1, removed: [], put: [] }]);
  peer.shelf.put(fileOf('f2'));
  t.match(peer.pulse(), [{ base: 1, version: 2 }], 'and goes on from there');
});

t.test('a server that has forgotten us gets the whole list', async (t) => {
  const peer = new Publisher(fileOf('f1'), fileOf('f2'));
  peer.joined();
  peer.desk.forget();
  t.match(peer.joined(), [
    { base: 1, version: 1 },
    { base: 'whole', put: { length: 2 } },
  ]);
  t.same(peer.published, ['f1', 'f2']);
  peer.desk.forget();
  peer.shelf.put(fileOf('f3'));
  t.match(peer.pulse(), [{ base: 2 }, { base: 'whole', put: { length: 3 } }], 'also when it says so to a change');
});

t.test('what is not answered goes again as it was, until it is; meanwhile changes wait', async (t) => {
  const peer = new Publisher(fileOf('f1'));
  const desk = peer.respond;
  peer.respond = () => undefined;
  const [first] = peer.joined();
  peer.shelf.put(fileOf('f2'));
  t.same(peer.pulse(), [first]);
  peer.respond = desk;
  t.match(peer.pulse(), [first, { base: 1, put: [fileOf('f2')] }]);
});

t.test('one is under way at a time', async (t) => {
  const peer = new Publisher(fileOf('f1'));
  const { publishing, view } = peer;
  t.equal(publishing.handle({ type: 'referred', contact: null }, view).length, 1);
  t.same(publishing.handle({ type: 'timerFired', timer: { of: 'pulse' } }, view), []);
});

t.test('who is no member for a moment tries again at the next pulse', async (t) => {
  const peer = new Publisher(fileOf('f1'));
  peer.respond = refusing('LEASE_UNKNOWN');
  t.equal(peer.joined().length, 1);
  t.equal(peer.pulse().length, 1);
});

t.test('an index without room is asked again after a while', async (t) => {
  const peer = new Publisher(fileOf('f1'));
  peer.respond = refusing('CATALOG_FULL');
  t.equal(peer.joined().length, 1);
  t.equal(peer.pulse().length, 0);
  peer.now += PUBLISH_PAUSE_MS;
  t.equal(peer.pulse().length, 1);
});

t.test('what the index does not take is left out, and nothing else', async (t) => {
  const peer = new Publisher(...Array.from({ length: 20 }, (_, index) => fileOf(`f${index}`)));
  const desk = peer.respond;
  const isBad = ({ name }: SharedFile) => name === 'f7' || name === 'f12';
  peer.respond = (message) => (message.put.some(isBad) ? refusing('NAME_UNACCEPTABLE')(message) : desk(message));
  peer.joined();
  t.equal(peer.published.length, 18);
  t.notOk(peer.published.includes('f7'));
  peer.shelf.remove('f3');
  peer.respond = (message) => (message.removed.length > 0 ? refusing('NAME_UNACCEPTABLE')(message) : desk(message));
  t.equal(peer.pulse().length, 1, 'also what was to go');
  t.same(peer.pulse(), []);
});

t.test('it is the strategy that it stands before, in everything else', async (t) => {
  const flood = new FloodDiscovery();
  const publishing = new Publishing(flood);
  t.same([publishing.name, publishing.surveys, publishing.underway], ['flood', false, flood.underway]);
  const { view } = new Publisher();
  const ended = publishing.handle({ type: 'search', query: 'q' as never, want: { by: 'all' } }, view);
  t.ok(ended.some(({ type }) => type === 'searchEnded'));
  t.same(publishing.handle({ type: 'serverAnswered', ask: 'another', answer: undefined }, view), []);
});

t.test('an answer that nobody waits for changes nothing', async (t) => {
  const peer = new Publisher(fileOf('f1'));
  t.same(
    peer.publishing.handle({ type: 'serverAnswered', ask: 'publish', answer: { type: 'published', version: 9, entries: 9 } }, peer.view),
    [],
  );
  t.match(peer.joined(), [{ base: 'whole', version: 1 }]);
});

t.test('who offers something else altogether publishes it whole', async (t) => {
  const peer = new Publisher(fileOf('f1'));
  peer.joined();
  const other = new Publisher(fileOf('f2'));
  peer.publishing.handle({ type: 'shared', offer: other.shelf }, other.view);
  const [effect] = peer.publishing.handle({ type: 'timerFired', timer: { of: 'pulse' } }, other.view);
  t.match(effect, { request: { base: 'whole', put: [fileOf('f2')] } });
});
