// Runs in the scratch folder that webtorrent was installed into: `seed FILE`, or `fetch TORRENT FOLDER PEER`.
const WebTorrent = require('webtorrent');

const [what, first, folder, peer] = process.argv.slice(2);
const client = new WebTorrent({ dht: false, tracker: false, lsd: false, utPex: false, utp: false, natUpnp: false, natPmp: false });
client.on('error', (error) => {
  process.stdout.write(`${error.stack}\n`);
  process.exit(1);
});

if (what === 'seed') {
  client.seed(first, { announce: [] }, (torrent) => {
    process.stdout.write(`${JSON.stringify({ torrent: torrent.torrentFile.toString('base64'), port: client.torrentPort })}\n`);
  });
} else {
  process.stdout.write('ready\n');
  process.stdin.once('data', () => {
    const torrent = client.add(Buffer.from(first, 'base64'), { path: folder, announce: [] });
    torrent.once('infoHash', () => torrent.addPeer(peer));
    torrent.once('done', () => process.stdout.write('done\n'));
  });
}
