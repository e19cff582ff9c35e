// Values as JSON that keeps what JSON drops: {"$date": ISO}, {"$bytes": base64}, {"$undefined": true},
// {"$bigint": text}, {"$number": "NaN"}.
"use strict";

function tagged(value) {
	if (value === undefined) return { $undefined: true };
	if (value === null) return null;
	if (typeof value === "bigint") return { $bigint: String(value) };
	if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
	if (typeof value !== "object") return value;
	if (value instanceof Date) return { $date: value.toISOString() };
	if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
	if (Array.isArray(value)) return value.map(tagged);
	if (value instanceof Map) return { $map: [...value].map(([key, item]) => [tagged(key), tagged(item)]) };
	return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, tagged(item)]));
}

function plainError(error) {
	const { name, message, code, type, retryable, data, nodeID } = error;
	return { name, message, code, type, retryable, data, nodeID };
}

module.exports = { tagged, plainError };
