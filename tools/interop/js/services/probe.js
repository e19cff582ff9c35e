// What the scenarios need beyond `conf`: odd results, object uploads, broken streams, what became of nodes.
"use strict";

const { source, digest } = require("../streams");

/** What a value is, in words. */
function kind(value) {
	if (value === undefined) return "undefined";
	if (value === null) return "null";
	if (value instanceof Date) return `date ${value.toISOString()}`;
	if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString("hex")}`;
	if (typeof value === "object") return JSON.stringify(value);
	return `${typeof value} ${value}`;
}

module.exports = ({ broker, old }) => {
	const nodes = [];
	const note = event => ctx => {
		const { node, unexpected, reconnected } = ctx.params;
		nodes.push({ event, nodeID: node.id, unexpected, reconnected });
	};
	return {
		name: "probe",
		actions: {
			seen: ctx => Object.fromEntries(Object.entries(ctx.params).map(([key, value]) => [key, kind(value)])),
			give: ctx => ({ undefined: undefined, null: null, false: false, zero: 0, empty: "", list: [] })[ctx.params.what],
			given: ctx => kind(ctx.params),
			/** The whole object or byte stream of the request. */
			async collect(ctx) {
				return digest(old ? ctx.params : ctx.stream);
			},
			/** A stream that breaks: {kind, size, chunk, n, failAfter}. */
			broken: ctx => source(ctx.params),
			/** The stream of the request, back to the caller. */
			mirror: ctx => (old ? ctx.params : ctx.stream),
			text: ctx => "ligand ".repeat(ctx.params.times),
			nodes: () => nodes,
			/** Adds a mark to meta, then fails. */
			metaFail(ctx) {
				ctx.meta.mark = broker.nodeID;
				throw new Error("failed after a change of meta");
			},
			checked: {
				params: { id: "number|positive|convert", name: { type: "string", min: 3 } },
				handler: ctx => ctx.params
			}
		},
		events: {
			"$node.connected": note("connected"),
			"$node.disconnected": note("disconnected")
		}
	};
};
