// Checks that the libraries of Node.js read what written.json holds: our bytes of known values.
//
//   npm install msgpack5@6 notepack.io@3 cbor-x@1.6 moleculer@0.15
//   UPDATE_EXPECT=1 cargo test -p ligand-wire --features serializers bytes_are_those && node read.cjs written.json
const { isDeepStrictEqual } = require("node:util");
const { Encoder } = require("cbor-x");
const msgpack = require("msgpack5")();
const notepack = require("notepack.io");
const JsonExt = require("moleculer").Serializers.JSONExt;
const cbor = new Encoder({ useRecords: false, useTag259ForMaps: false });
const jsonExt = new JsonExt();
jsonExt.init({ metrics: null });

const readers = {
	jsonext: bytes => jsonExt.deserialize(bytes),
	msgpack: bytes => msgpack.decode(bytes),
	notepack: bytes => notepack.decode(bytes),
	cbor: bytes => cbor.decode(bytes)
};
const meant = {
	i: Number, f: Number, date: millis => new Date(Number(millis)), text: length => "x".repeat(length),
	bytes: length => Buffer.alloc(Number(length), "x"), list: length => Array(Number(length)).fill(1),
	map: length => Object.fromEntries(Array.from({ length }, (_, i) => [i, 1])),
	json: () => ({ a: [null, true, false, "ż\0\"", "[[DT]]1", {}], 1: 2 }),
	native: () => ({
		at: new Date(1500), data: Buffer.from([1, 2]), ratio: 0.25, maybe: null, shape: { Circle: { radius: 1 } },
		inner: new Date(2000)
	})
};
// The libraries give bytes in classes of their own, and objects without a prototype.
const plain = value => {
	if (value instanceof Uint8Array) return Buffer.from(value);
	if (Array.isArray(value)) return value.map(plain);
	if (value === null || typeof value !== "object" || value instanceof Date) return value;
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
};

let read = 0;
for (const { name, bytes } of JSON.parse(require("node:fs").readFileSync(process.argv[2]))) {
	const [kind, argument] = name.split(" ");
	for (const [format, text] of Object.entries(bytes)) {
		const value = plain(readers[format](Buffer.from(text, "hex")));
		if (isDeepStrictEqual(value, meant[kind](argument))) read++;
		else {
			console.error(`${format} ${name}: ${text.slice(0, 60)} is read as`, value);
			process.exitCode = 1;
		}
	}
}
console.log(`${read} values are read as meant`);
