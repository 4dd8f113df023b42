import t from 'tap';
import { bytes, counted, duration, parseRate, rate } from '../../lib/repl/units.ts';

t.test('bytes are shown with two figures, in units of a thousand', async (t) => {
  const shown = [0, 1, 999, 1000, 1234, 9949, 9960, 12_345, 999_499, 999_500, 1_073_741_824, 2.5e18].map(bytes);
  t.same(shown, ['0 B', '1 B', '999 B', '1.0 kB', '1.2 kB', '9.9 kB', '10 kB', '12 kB', '999 kB', '1.0 MB', '1.1 GB', '2500 PB']);
});

t.test('a rate is bytes a second', async (t) => {
  t.equal(rate(3_100_000), '3.1 MB/s');
  t.equal(rate(0.4), '0 B/s');
});

t.test('a rate is typed as it is said: thousands and their like, or 1,024ths', async (t) => {
  const typed = ['10M', '64k', '1.5G', '16000', '2 MB/s', '512Ki', '1mi', '1GiB', '8 kb'];
  t.same(typed.map(parseRate), [10_000_000, 64_000, 1_500_000_000, 16_000, 2_000_000, 524_288, 1_048_576, 1_073_741_824, 8_000]);
  for (const text of ['', 'M', '10X', '-1', '1e9', '10 M B', 'off', '10M down'])
    t.throws(() => parseRate(text), { code: 'USAGE', hint: /10M/ });
});

t.test('a duration is shown in the units that matter', async (t) => {
  const shown = [0, 12.4, 999.6, 1000, 1240, 9960, 34_000, 60_000, 125_000, 3_600_000, 11_040_000, 183_600_000].map(duration);
  t.same(shown, ['0 ms', '12 ms', '1 s', '1 s', '1.2 s', '10 s', '34 s', '1 min', '2 min 5 s', '1 h', '3 h 4 min', '2 d 3 h']);
});

t.test('one peer is not one peers', async (t) => {
  t.equal(counted(1, 'peer'), '1 peer');
  t.equal(counted(0, 'peer'), '0 peers');
});
