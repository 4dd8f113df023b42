import t from 'tap';
import { MemoryStore } from '../../../lib/registry/stores/memory.ts';
import { storePromises } from '../../suites/store.ts';

storePromises(t, () => new MemoryStore());
