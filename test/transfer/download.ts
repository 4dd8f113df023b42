import fc from 'fast-check';
import t from 'tap';
import { PIECES_AHEAD } from '../../lib/config.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { Download, type DownloadEffect, type LostWhy } from '../../lib/transfer/download.ts';

const [a, b, c] = ['a', 'b', 'c'].map(peerId) as [PeerId, PeerId, PeerId];

/** A download that knows these holders, the first of which is open. */
function opened(pieces: number, ...holders: PeerId[]): { download: Download; first: DownloadEffect[] } {
  const download = new Download(pieces);
  for (const peer of holders) download.handle({ type: 'providerFound', peer });
  return { download, first: download.handle({ type: 'opened', peer: holders[0] ?? a }) };
}

/** The next piece comes from `peer` and is judged. */
function piece(download: Download, peer: PeerId, ok = true): DownloadEffect[] {
  const [judged] = download.handle({ type: 'piece', peer });
  if (judged?.type !== 'verify') throw new Error(`${judged?.type} instead of verify`);
  return download.handle({ type: 'verified', peer, index: judged.index, ok });
}

function asked(effects: readonly DownloadEffect[]): number[] {
  return effects.flatMap((effect) =>
    effect.type === 'request' ? Array.from({ length: effect.count }, (_, index) => effect.first + index) : [],
  );
}

t.test('the first holder is opened, the others wait', async (t) => {
  const download = new Download(3);
  t.same(download.handle({ type: 'providerFound', peer: a }), [{ type: 'open', peer: a }]);
  t.same(download.handle({ type: 'providerFound', peer: b }), []);
  t.same(download.handle({ type: 'providerFound', peer: a }), [], 'a holder that is known is no news');
});

t.test('pieces are asked for in order, a window ahead, as one run', async (t) => {
  t.same(opened(100, a).first, [{ type: 'request', peer: a, first: 0, count: PIECES_AHEAD }]);
  t.same(opened(3, a).first, [{ type: 'request', peer: a, first: 0, count: 3 }]);
});

t.test('more is asked for once half of the window has come and been judged', async (t) => {
  const { download } = opened(100, a);
  const requests = Array.from({ length: PIECES_AHEAD / 2 }, () => asked(piece(download, a)));
  t.same(requests.slice(0, -1).flat(), []);
  t.same(
    requests.at(-1),
    Array.from({ length: PIECES_AHEAD / 2 }, (_, index) => PIECES_AHEAD + index),
  );
});

t.test('a slow disk slows the asking: what is being judged counts as under way', async (t) => {
  const { download } = opened(100, a);
  const effects = Array.from({ length: PIECES_AHEAD }, () => download.handle({ type: 'piece', peer: a })).flat();
  t.same(asked(effects), []);
  t.notOk(download.isWaiting, 'nothing is expected of the holder');
  t.same(asked(download.handle({ type: 'verified', peer: a, index: 0, ok: true })), []);
});

t.test('each piece is judged as the one that was asked for in its turn', async (t) => {
  const { download } = opened(3, a);
  t.ok(download.isWaiting);
  for (const index of [0, 1, 2]) t.same(download.handle({ type: 'piece', peer: a }), [{ type: 'verify', peer: a, index }]);
});

t.test('it is done when every piece is verified, once', async (t) => {
  const { download } = opened(2, a);
  t.same(piece(download, a), []);
  t.equal(download.verified, 1);
  t.same(piece(download, a), [{ type: 'done' }]);
  t.equal(download.verified, 2);
  t.same(download.handle({ type: 'providerLost', peer: a, why: 'gone' }), [], 'nothing happens after the end');
  t.same(download.handle({ type: 'providerFound', peer: c }), []);
});

t.test('an empty content is done when its holder is open', async (t) => {
  t.same(opened(0, a).first, [{ type: 'done' }]);
});

for (const why of ['unreachable', 'gone', 'stalled', 'changed', 'refused'] satisfies LostWhy[]) {
  t.test(`when a holder is ${why} the next one goes on with what is missing`, async (t) => {
    const { download } = opened(4, a, b);
    piece(download, a);
    piece(download, a);
    t.same(download.handle({ type: 'providerLost', peer: a, why }), [
      { type: 'drop', peer: a, why },
      { type: 'open', peer: b },
    ]);
    t.same(download.handle({ type: 'opened', peer: b }), [{ type: 'request', peer: b, first: 2, count: 2 }]);
    t.equal(download.verified, 2);
  });

  t.test(`when the last holder is ${why} it fails, and says so`, async (t) => {
    const { download } = opened(4, a);
    t.same(download.handle({ type: 'providerLost', peer: a, why }), [
      { type: 'drop', peer: a, why },
      { type: 'failed', why },
    ]);
  });
}

t.test('a liar is dropped after one piece, and that piece is asked of the next holder', async (t) => {
  const { download } = opened(3, a, b);
  piece(download, a);
  t.same(piece(download, a, false), [
    { type: 'drop', peer: a, why: 'lied' },
    { type: 'open', peer: b },
  ]);
  t.same(download.handle({ type: 'opened', peer: b }), [{ type: 'request', peer: b, first: 1, count: 2 }]);
});

t.test('when everybody lies it fails, and says so', async (t) => {
  const { download } = opened(1, a, b);
  piece(download, a, false);
  download.handle({ type: 'opened', peer: b });
  t.same(piece(download, b, false), [
    { type: 'drop', peer: b, why: 'lied' },
    { type: 'failed', why: 'lied' },
  ]);
});

t.test('a piece that nobody asked for is a lie', async (t) => {
  const { download } = opened(1, a, b);
  download.handle({ type: 'piece', peer: a });
  t.same(download.handle({ type: 'piece', peer: a })[0], { type: 'drop', peer: a, why: 'lied' });
  t.same(new Download(1).handle({ type: 'piece', peer: a }), [], 'from nobody it is nothing');
});

t.test('words of a holder that was let go do not count', async (t) => {
  const { download } = opened(3, a, b);
  download.handle({ type: 'providerLost', peer: a, why: 'gone' });
  t.same(download.handle({ type: 'opened', peer: a }), []);
  t.same(download.handle({ type: 'piece', peer: a }), []);
  t.same(download.handle({ type: 'providerLost', peer: a, why: 'stalled' }), []);
  t.same(download.handle({ type: 'providerFound', peer: a }), [], 'nor is it tried again');
});

t.test('pieces that came before their holder went are still judged, and not asked for again', async (t) => {
  const { download } = opened(3, a, b);
  download.handle({ type: 'piece', peer: a });
  download.handle({ type: 'providerLost', peer: a, why: 'gone' });
  t.same(download.handle({ type: 'opened', peer: b }), [{ type: 'request', peer: b, first: 1, count: 2 }]);
  t.same(download.handle({ type: 'verified', peer: a, index: 0, ok: true }), []);
  t.equal(download.verified, 1);
});

t.test('a piece that turns out wrong after its holder went is asked of the next, who is not blamed', async (t) => {
  const { download } = opened(2, a, b);
  download.handle({ type: 'piece', peer: a });
  download.handle({ type: 'providerLost', peer: a, why: 'gone' });
  download.handle({ type: 'opened', peer: b });
  t.same(download.handle({ type: 'verified', peer: a, index: 0, ok: false }), [{ type: 'request', peer: b, first: 0, count: 1 }]);
});

t.test('the last pieces, judged after the last holder went, complete the content', async (t) => {
  const { download } = opened(2, a);
  download.handle({ type: 'piece', peer: a });
  download.handle({ type: 'piece', peer: a });
  t.same(
    download.handle({ type: 'providerLost', peer: a, why: 'gone' }),
    [{ type: 'drop', peer: a, why: 'gone' }],
    'what is judged may be all',
  );
  t.same(download.handle({ type: 'verified', peer: a, index: 1, ok: true }), []);
  t.same(download.handle({ type: 'verified', peer: a, index: 0, ok: true }), [{ type: 'done' }]);
});

t.test('the last piece, judged wrong after the last holder went, makes it fail for that reason', async (t) => {
  const { download } = opened(1, a);
  download.handle({ type: 'piece', peer: a });
  download.handle({ type: 'providerLost', peer: a, why: 'gone' });
  t.same(download.handle({ type: 'verified', peer: a, index: 0, ok: false }), [{ type: 'failed', why: 'lied' }]);
});

t.test('a holder found while the last piece of the last one is judged goes on', async (t) => {
  const { download } = opened(2, a);
  download.handle({ type: 'piece', peer: a });
  download.handle({ type: 'providerLost', peer: a, why: 'gone' });
  t.same(download.handle({ type: 'providerFound', peer: b }), [{ type: 'open', peer: b }]);
  t.same(download.handle({ type: 'verified', peer: a, index: 0, ok: true }), [], 'a holder that is not open yet is not asked');
  t.same(download.handle({ type: 'opened', peer: b }), [{ type: 'request', peer: b, first: 1, count: 1 }]);
});

t.test('whatever holders do, no verified piece is asked for again, no more than a window is under way, and it ends once', async (t) => {
  const turn = fc.record({ what: fc.constantFrom('piece', 'piece', 'piece', 'judge', 'judge', 'lie', 'lose'), which: fc.nat() });
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(turn, { maxLength: 300 }),
      (pieces, count, turns) => {
        const download = new Download(pieces);
        const verified = new Set<number>();
        const judging: { peer: PeerId; index: number }[] = [];
        let holder: PeerId | undefined;
        let underway = 0;
        let ends = 0;
        const perform = (effects: readonly DownloadEffect[]) => {
          for (const effect of effects) {
            if (ends > 0) throw new Error(`${effect.type} after the end`);
            if (effect.type === 'open') {
              holder = effect.peer;
              underway = 0;
              perform(download.handle({ type: 'opened', peer: holder }));
            }
            if (effect.type === 'request') {
              if (effect.peer !== holder) throw new Error('somebody else is asked');
              underway += effect.count;
              for (const index of asked([effect]))
                if (index >= pieces || verified.has(index) || judging.some((judged) => judged.index === index))
                  throw new Error(`${index} again`);
              if (underway + judging.length > PIECES_AHEAD + count) throw new Error('more than a window');
            }
            if (effect.type === 'verify') judging.push({ peer: effect.peer, index: effect.index });
            if (effect.type === 'drop') holder = undefined;
            if (effect.type === 'done' && verified.size !== pieces) throw new Error('done too early');
            if (effect.type === 'done' || effect.type === 'failed') ends += 1;
          }
        };
        for (let index = 0; index < count; index++) perform(download.handle({ type: 'providerFound', peer: peerId(`p${index}`) }));
        for (const { what, which } of turns) {
          if (what === 'piece' && holder !== undefined && underway > 0) {
            underway -= 1;
            perform(download.handle({ type: 'piece', peer: holder }));
          } else if ((what === 'judge' || what === 'lie') && judging.length > 0) {
            const [judged] = judging.splice(which % judging.length, 1);
            if (judged === undefined) continue;
            if (what === 'judge') verified.add(judged.index);
            perform(download.handle({ type: 'verified', ...judged, ok: what === 'judge' }));
          } else if (what === 'lose' && holder !== undefined && which % 5 === 0)
            perform(download.handle({ type: 'providerLost', peer: holder, why: 'gone' }));
          if (ends === 0 && download.verified !== verified.size) throw new Error('miscounted');
        }
        return true;
      },
    ),
    { numRuns: 300 },
  );
  t.pass();
});
