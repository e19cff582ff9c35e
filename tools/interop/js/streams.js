// Streams with known content, and what is left of one after it was read.
"use strict";

const { Readable } = require("stream");
const crypto = require("crypto");
const { setTimeout: pause } = require("timers/promises");

/** A moment later, because Moleculer loses an error that comes before the caller listens for it. */
async function breaks() {
	await pause(200);
	throw new Error("the source broke");
}

/** Byte k is (31·k + 7) mod 256; `failAfter` chunks it breaks. */
function byteStream({ size = 0, chunk = 65536, failAfter }) {
	async function* chunks() {
		let count = 0;
		for (let at = 0; at < size; at += chunk) {
			if (count++ === failAfter) await breaks();
			const part = Buffer.allocUnsafe(Math.min(chunk, size - at));
			for (let i = 0; i < part.length; i++) part[i] = (31 * (at + i) + 7) & 255;
			yield part;
		}
	}
	return Readable.from(chunks(), { objectMode: false });
}

/** `{i: 0}`, `{i: 1}` …; after `failAfter` of them it breaks. */
function objectStream({ n = 0, failAfter }) {
	async function* objects() {
		for (let i = 0; i < n; i++) {
			if (i === failAfter) await breaks();
			yield { i };
		}
	}
	return Readable.from(objects());
}

function source(options) {
	return options.kind === "objects" ? objectStream(options) : byteStream(options);
}

/** Reads to the end: `{size, sha1}` of bytes, `{items}` of objects, and `error` when it broke. */
async function digest(stream) {
	const hash = crypto.createHash("sha1");
	const items = [];
	let size = 0;
	let error;
	try {
		for await (const chunk of stream) {
			if (typeof chunk === "string" || chunk instanceof Uint8Array) {
				hash.update(chunk);
				size += chunk.length;
			} else {
				items.push(chunk);
			}
		}
	} catch (cause) {
		error = cause.message;
	}
	const objects = stream.readableObjectMode;
	return { ...(objects ? { items } : { size, sha1: hash.digest("hex") }), ...(error ? { error } : {}) };
}

const isStream = value => value != null && typeof value.pipe === "function" && typeof value.read === "function";

module.exports = { source, byteStream, objectStream, digest, isStream };
