// A supplier of the shop, as a Moleculer node among Rust ones: node supplier.js
//
// It calls services of the shop and is called by them, hears and sends events, sends and takes streams, and keeps
// what it learned of products in a cache of its own.
"use strict";

const crypto = require("crypto");
const { Readable } = require("stream");
const { moleculer, start, old } = require("./node");

const { MoleculerClientError } = moleculer.Errors;

/** Byte k is (31·k + 7) mod 256. */
function bytes(size) {
	async function* chunks() {
		for (let at = 0; at < size; at += 50000) {
			yield Buffer.from(Array.from({ length: Math.min(50000, size - at) }, (_, i) => (31 * (at + i) + 7) & 255));
		}
	}
	return Readable.from(chunks(), { objectMode: false });
}

async function digest(stream) {
	const hash = crypto.createHash("sha1");
	let size = 0;
	for await (const chunk of stream) {
		hash.update(chunk);
		size += chunk.length;
	}
	return { size, sha1: hash.digest("hex") };
}

/** What a caller sees of an error. */
function described(error) {
	const { name, message, code, type, data, retryable, nodeID } = error;
	const classes = ["ValidationError", "MoleculerClientError", "MoleculerServerError", "MoleculerRetryableError", "MoleculerError"];
	const is = classes.find(known => error instanceof moleculer.Errors[known]);
	return { name, message, code, type, data, retryable, nodeID, is };
}

const heard = [];
const listener = kind => ctx => {
	heard.push({ kind, event: ctx.eventName, payload: ctx.params, user: ctx.meta.user, sender: ctx.nodeID });
};
let runs = 0;

start({
	name: "supplier",
	actions: {
		/** What a product would cost here. */
		quote: {
			params: { id: "string" },
			cache: { keys: ["id"], ttl: 60 },
			async handler(ctx) {
				const product = await ctx.call("product.get", { id: ctx.params.id });
				return { price: product.price / 2, stock: product.stock, runs: ++runs };
			}
		},
		refuse(ctx) {
			throw new MoleculerClientError("Sold out", 410, "SOLD_OUT", { left: 0, id: ctx.params.id });
		},
		breaks() {
			throw new TypeError("a mistake in the code");
		},
		sign(ctx) {
			ctx.meta.signed = { by: this.broker.nodeID, for: ctx.meta.user };
			return ctx.caller;
		},
		/** Calls an action and answers what came back. */
		async ask(ctx) {
			const { action, params, meta } = ctx.params;
			try {
				const result = await ctx.call(action, params, { meta });
				return { result, meta: ctx.meta };
			} catch (error) {
				return { error: described(error), meta: ctx.meta };
			}
		},
		async tell(ctx) {
			const { event, payload, groups, broadcast } = ctx.params;
			const options = groups ? { groups } : {};
			await (broadcast ? ctx.broadcast(event, payload, options) : ctx.emit(event, payload, options));
		},
		heard: () => heard,
		upload: async ctx => digest(old ? ctx.params : ctx.stream),
		download: ctx => bytes(ctx.params.size),
		/** Bytes, and what they are. */
		image(ctx) {
			ctx.meta.$responseType = "image/png";
			return Buffer.from([137, 80, 78, 71, 0, 255]);
		},
		/** Takes another identity and speaks about the answer. */
		usurp(ctx) {
			ctx.meta.user = "eve";
			ctx.meta.seen = true;
			ctx.meta.$statusCode = 202;
			ctx.meta.$responseHeaders = { "X-Supplier": "1" };
			return ctx.meta.user;
		},
		/** Sends a stream to an action. */
		push(ctx) {
			const { action, size } = ctx.params;
			return old ? ctx.call(action, bytes(size)) : ctx.call(action, {}, { stream: bytes(size) });
		},
		/** Reads the stream of an action. */
		async pull(ctx) {
			const { action, size } = ctx.params;
			return digest(await ctx.call(action, { size }));
		}
	},
	events: {
		"order.created": listener("order"),
		"restock.*": { group: "stockroom", handler: listener("restock") },
		"audit.*": { group: "books", handler: listener("audit") },
		/** Whoever changed a product says so to everybody. */
		async "cache.clean.product"() {
			await this.broker.cacher.clean("supplier.**");
			heard.push({ kind: "clean" });
		}
	}
});
