import t from 'tap';
import { MemoryStore } from '../../../lib/registry/stores/memory.ts';
import { catalogPromises } from '../../suites/catalog.ts';
import { hostileRegisterPromises } from '../../suites/hostile-register.ts';
import { storePromises } from '../../suites/store.ts';

storePromises(t, () => new MemoryStore());
catalogPromises(t, () => new MemoryStore());
hostileRegisterPromises(t, () => new MemoryStore());
