import { PassThrough } from 'node:stream';
import t from 'tap';
import { LINE_BYTES } from '../../lib/config.ts';
import { type Keys, limited } from '../../lib/repl/keyboard.ts';

/** What arrives of the typed chunks, with a line that has `typed` bytes; CLEAR is what empties the line. */
async function arrived(chunks: readonly string[], typed = 0): Promise<{ text: string; refused: number }> {
  const keys: Keys = new PassThrough();
  let refused = 0;
  const limitedKeys = limited(
    keys,
    () => typed,
    () => refused++,
  );
  for (const chunk of chunks) keys.push(chunk);
  keys.push(null);
  let text = '';
  for await (const chunk of limitedKeys) text += String(chunk);
  return { text: text.replaceAll('\x05\x15', 'CLEAR'), refused };
}

const LONG = 'x'.repeat(LINE_BYTES + 1);

t.test('what is typed arrives as it is', async (t) => {
  t.same(await arrived(['f', '1', '\r', 'TOPO\nlist\n', '\x03']), { text: 'f1\rTOPO\nlist\n\x03', refused: 0 });
});

t.test('a line that grows too long is cleared, refused once, and skipped up to its end', async (t) => {
  t.same(await arrived([LONG, LONG, 'still it\r', 'f1\r']), { text: 'CLEARf1\r', refused: 1 });
  t.same(await arrived([`f1\r${LONG}\rTOPO\r`]), { text: 'f1\rCLEARTOPO\r', refused: 1 });
  t.same(await arrived(['one more'], LINE_BYTES), { text: 'CLEAR', refused: 1 });
});

t.test('a control key ends the skipping, and is always let through', async (t) => {
  t.same(await arrived([LONG, '\x03', 'f1\r']), { text: 'CLEAR\x03f1\r', refused: 1 });
  t.same(await arrived(['\r'], LINE_BYTES), { text: '\r', refused: 0 });
});

t.test('raw mode is the business of the stream behind', async (t) => {
  const modes: boolean[] = [];
  const keys = Object.assign(new PassThrough(), { setRawMode: (raw: boolean) => modes.push(raw) });
  limited(
    keys,
    () => 0,
    () => {},
  ).setRawMode?.(true);
  t.same(modes, [true]);
});
