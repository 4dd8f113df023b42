import t from 'tap';
import { dumped, spelt } from '../../../../lib/server/http/seed/python.ts';

t.test('JSON has the spaces that Python puts, and ASCII alone', async (t) => {
  t.equal(
    dumped({ peer_port: 3000, list: [1, true, null, 'a'], empty: {}, none: [] }),
    '{"peer_port": 3000, "list": [1, true, null, "a"], "empty": {}, "none": []}',
  );
  t.equal(dumped('é💥"\n\u007f'), '"\\u00e9\\ud83d\\udca5\\"\\n\\u007f"');
});

t.test('a dictionary is spelt as Python prints it, and nothing in it reaches a terminal raw', async (t) => {
  t.equal(spelt({ bogus: ['Unknown field.'] }), "{'bogus': ['Unknown field.']}");
  t.equal(spelt({ a: ['x', 'y'], "it's\\": ['\u001b[31m\u202E'] }), "{'a': ['x', 'y'], 'it\\'s\\\\': ['?[31m?']}");
});
