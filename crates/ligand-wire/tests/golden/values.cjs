// Writes values.json: what the libraries of Node.js make of values, as hexadecimal bytes.
//
//   npm install msgpack5@6 notepack.io@3 notepack2@npm:notepack.io@2 cbor-x@1.6 moleculer@0.15
//   node values.cjs > values.json
//
// `json` is what an untyped reader gets, `millis` the moment of a date.
const { Encoder } = require("cbor-x");
const msgpack = require("msgpack5")();
const notepack3 = require("notepack.io");
const notepack2 = require("notepack2");
const JsonExt = require("moleculer").Serializers.JSONExt;
const cbor = new Encoder({ useRecords: false, useTag259ForMaps: false });
const jsonExt = new JsonExt();
jsonExt.init({ metrics: null });

const writers = {
	jsonext: value => jsonExt.serialize(value),
	msgpack: value => msgpack.encode(value).slice(),
	notepack: value => notepack3.encode(value),
	notepack2: value => notepack2.encode(value),
	cbor: value => cbor.encode(value)
};

const repeat = (count, make) => Array.from({ length: count }, (_, i) => make(i));
const object = count => Object.fromEntries(repeat(count, i => [`k${i}`, i]));
const values = {
	null: null, true: true, false: false,
	"0": 0, "1": 1, "23": 23, "24": 24, "127": 127, "128": 128, "255": 255, "256": 256, "65535": 65535,
	"65536": 65536, "2^31": 2 ** 31, "2^32-1": 2 ** 32 - 1, "2^32": 2 ** 32, "2^40": 2 ** 40,
	"2^53-1": 2 ** 53 - 1, "-1": -1, "-24": -24, "-25": -25, "-32": -32, "-33": -33, "-128": -128, "-129": -129,
	"-32768": -32768, "-32769": -32769, "-2^31": -(2 ** 31), "-2^31-1": -(2 ** 31) - 1, "-2^53+1": 1 - 2 ** 53,
	"1.5": 1.5, "0.1": 0.1, "-2.25": -2.25, "1e21": 1e21, "1e300": 1e300, "5e-324": 5e-324, now: 1732147200123,
	empty: "", text: "Ada", tag: "[[DT]]1", unicode: "żółw 🐢\u0000\n\"\\", text31: "x".repeat(31),
	text32: "x".repeat(32), text256: "x".repeat(256),
	"date 0": new Date(0), "date s": new Date(1732147200000), "date ms": new Date(1732147200123),
	"date 2^32 s": new Date(2 ** 32 * 1000), "date 2^34 s": new Date(2 ** 34 * 1000 + 5),
	"date before": new Date(-1500), "date far before": new Date(-62198755200000),
	buffer: Buffer.from([0, 1, 255]), "buffer 0": Buffer.alloc(0), "buffer 256": Buffer.alloc(256, 7),
	array: [], array3: [1, "a", null], array16: repeat(16, i => i), array300: repeat(300, i => i),
	object: {}, object1: { a: 1 }, object16: object(16), object300: object(300),
	nested: { user: { id: 1, tags: ["a", "b"], born: new Date(1000), key: Buffer.from("hi") }, list: [{}, [[]]] },
	undefined: { a: undefined, b: 1 }
};

// What these libraries write and cannot read back themselves.
const broken = { "1e21": ["notepack", "notepack2"], "1e300": ["notepack", "notepack2"], "date 2^34 s": ["msgpack"] };

const entries = Object.entries(values).map(([name, value]) => {
	const entry = { name, json: JSON.parse(JSON.stringify(value)) };
	if (value instanceof Date) entry.millis = value.getTime();
	for (const [format, write] of Object.entries(writers)) {
		if (!broken[name]?.includes(format)) entry[format] = write(value).toString("hex");
	}
	return entry;
});
console.log("[\n" + entries.map(entry => JSON.stringify(entry)).join(",\n") + "\n]");
