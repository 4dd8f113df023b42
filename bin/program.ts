/** The one program: what can be typed after `floodmesh`, and which parts that starts. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import {
  DEFAULT_HOST,
  DEFAULT_NETWORK,
  DEFAULT_PORTS,
  DEFAULT_SERVER_PORT,
  LEASE_MS,
  LIST_LIFE_MS,
  TRANSFERS_AT_ONCE,
  TRANSFERS_AT_ONCE_MOST,
} from '../lib/config.ts';
import { EXIT, named } from '../lib/errors.ts';
import { DISCOVERIES } from '../lib/mesh/discovery/index.ts';
import { limited } from '../lib/peer/options.ts';
import { LIST_LIFE_LEAST_MS, LIST_LIFE_MOST_MS } from '../lib/protocol/messages/server.ts';
import { parseRate } from '../lib/repl/units.ts';
import { report } from '../lib/repl/voice.ts';
import { order } from './do.ts';
import { join } from './join.ts';
import { serve } from './serve.ts';
import { DEFAULT_SCENARIO, scenes, simulate } from './simulate.ts';
import { up } from './up.ts';

const MOST_PEERS = 50;
const MOST_SIMULATED = 1_000_000;

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || number < least || number > most)
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is wanted.`);
    return number;
  };
}

function limit(text: string): number | undefined {
  try {
    return limited(parseRate(text));
  } catch (thrown) {
    const { message, hint } = named(thrown);
    throw new InvalidArgumentError(`${message}, ${hint}.`);
  }
}

function several(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function sizes(text: string): readonly number[] {
  return text.split(',').map(whole(1, MOST_SIMULATED));
}

function ways(text: string): readonly string[] {
  const named = text.split(',');
  const unknown = named.find((name) => !DISCOVERIES.includes(name));
  if (unknown === undefined) return named;
  throw new InvalidArgumentError(`there is no way "${unknown}" to find a file: choose of ${DISCOVERIES.join(', ')}.`);
}

const port = whole(0, 65_535);
const json = new Option('--json', 'print one JSON object a line');
const network = new Option('--network <name>', 'the name of the network, in any case').default(DEFAULT_NETWORK);
const ports = new Option('--ports <pool>', 'the ports to assign, like 9000-9009 or 9000-9004,9100').default(DEFAULT_PORTS);

const upload = new Option('--up <rate>', 'the most that is sent, in bytes a second, like 10M or 64k').argParser(limit);
const download = new Option('--down <rate>', 'the most that is received, likewise').argParser(limit);
const transfers = new Option('--transfers <count>', `how many downloads run at once (default: ${TRANSFERS_AT_ONCE})`).argParser(
  whole(1, TRANSFERS_AT_ONCE_MOST),
);

const program = new Command('floodmesh')
  .description('A small peer-to-peer file mesh: type a file name, it arrives, verified, from whoever has it.')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, '')) })
  .showHelpAfterError('(floodmesh help shows what can be typed)');

program
  .command('up')
  .description('a whole network to try: a server, some peers that share files, and a prompt of one more peer')
  .option('--peers <count>', 'how many peers besides yours', whole(1, MOST_PEERS), 5)
  .option('--port <port>', 'the port of the metadata server, 0 for any', port, DEFAULT_SERVER_PORT)
  .addOption(ports)
  .addOption(network)
  .addOption(upload)
  .addOption(download)
  .addOption(transfers)
  .option('--exec <commands>', 'commands to run instead of a prompt, with semicolons between them')
  .addOption(json)
  .action((options) => end(up(options), options.json));

program
  .command('serve')
  .description('the metadata server of a network')
  .option('--host <host>', 'where to listen, 0.0.0.0 or :: for every address', DEFAULT_HOST)
  .option('--advertise <host>', 'the name under which peers dial this server, if they use one')
  .option('--port <port>', 'the port to listen on, 0 for any', port, DEFAULT_SERVER_PORT)
  .option('--rest-port <port>', 'a further port for HTTP alone; peers of seed 004 look on 5000', port)
  .addOption(ports)
  .option('--network <name>', `the name of a network, in any case; several may be said (default: ${DEFAULT_NETWORK})`, several)
  .option('--open-networks', 'open any other network that a joiner asks for')
  .addOption(new Option('--discovery <way>', 'how files are found').choices(DISCOVERIES).default('flood'))
  .option('--index', 'peers publish what they share, for whoever asks this server; --discovery central always does')
  .option('--lease <seconds>', 'how long a port stays with a peer that is not heard of', whole(1, 3_600), LEASE_MS / 1_000)
  .option(
    '--list-life <seconds>',
    `with --discovery exchange: how long a list is believed of whose owner nothing is heard (default: ${LIST_LIFE_MS / 1_000})`,
    whole(LIST_LIFE_LEAST_MS / 1_000, LIST_LIFE_MOST_MS / 1_000),
  )
  .option('--accounts', 'only who registers and logs in may join')
  .option('--store <address>', 'where the register is kept: memory:, sqlite:PATH or postgres://… (default: sqlite, in the state folder)')
  .addOption(json)
  .addOption(new Option('--while-input').hideHelp())
  .action((options) => end(serve(options), options.json));

program
  .command('join')
  .description('one peer, with a prompt')
  .argument('[name]', 'what the peer is called; asked for at a terminal')
  .option(
    '--server <address>',
    'where the metadata server is, or several with commas between them',
    `${DEFAULT_HOST}:${DEFAULT_SERVER_PORT}`,
  )
  .addOption(network)
  .option('--host <host>', 'where this peer listens, 0.0.0.0 or :: for every address', DEFAULT_HOST)
  .option('--advertise <host>', 'the name or address under which others dial it, if that is another')
  .option('--files <folder>', 'the folder that is shared (default: files/NAME)')
  .option('--downloads <folder>', 'the folder that fetched files land in (default: Downloads/NAME)')
  .option('--share-downloads', 'share fetched files too')
  .option('--account <name>', 'log in to this account; the password is asked for, or in FLOODMESH_PASSWORD')
  .option('--register', 'make the account first')
  .option('--password-file <file>', 'the file with its password')
  .addOption(upload)
  .addOption(download)
  .addOption(transfers)
  .option('--resume', 'go on with the downloads that an earlier run left')
  .option('--wait', 'a download that loses its last holder waits for another, as it does at a prompt')
  .option('--exec <commands>', 'commands to run instead of a prompt, with semicolons between them')
  .option('--detach', 'leave the peer running without a terminal: floodmesh do NAME … reaches it')
  .addOption(new Option('--unattended').hideHelp())
  .addOption(json)
  .action((name, options) => end(join(name, options), options.json));

program
  .command('do')
  .description('hand one command to a peer that runs here: floodmesh do s1 TOPO, floodmesh do s1 get f1')
  .argument('<name>', 'what the peer is called')
  .argument('<command...>', 'what could be typed at its prompt')
  .addOption(network)
  .addOption(json)
  .allowUnknownOption()
  .action((name, words, options) => end(order(name, words, options), options.json));

program
  .command('simulate')
  .description('a network in made-up time: what happens to it, or what each way to find a file costs')
  .argument('[scene]', 'what happens', DEFAULT_SCENARIO)
  .option('--peers <counts>', 'how many peers, or several sizes, like 10,100,1000', sizes, [10])
  .option('--discovery <ways>', 'the ways to find a file that are compared, like flood,ring; or that of a random plan', ways, DISCOVERIES)
  .option('--seed <number>', 'another seed is another course, the same one the same', whole(0, 2 ** 32 - 1), 1)
  .option('--plan <file>', 'carry out the plan in this file')
  .addOption(json)
  .addHelpText('after', scenes())
  .action((scene, options) => end(simulate(scene, options), options.json));

/** Ends the process with the code that `work` comes to; what it throws is said, never shown as a stack. */
async function end(work: Promise<number>, asJson: boolean | undefined): Promise<void> {
  try {
    process.exitCode = await work;
  } catch (thrown) {
    const asked = asJson === true;
    process.exitCode = report(thrown, asked ? process.stdout : process.stderr, asked);
  }
  // Whatever is left (a read of a pipe nobody ends) must not keep the process: everything of ours has settled.
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit();
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => (stream.writable ? stream.write('', () => resolve()) : resolve()));
}

// Whoever read our output may have gone: that ends what we do, not with a stack.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

/** Does what was typed on the command line. */
export async function run(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    process.exitCode = thrown.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
}
