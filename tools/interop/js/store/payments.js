// Payments: charges, declines, breaks and takes its time.
"use strict";

module.exports = ({ Errors, database }) => {
	const { MoleculerError } = Errors;

	return {
		name: "payments",
		...database("payments"),
		settings: { idField: "id", fields: ["id", "userId", "amount", "method"], rest: ["/payments", "/billing"] },
		actions: {
			list: { rest: null },
			get: { rest: null },
			create: { visibility: "private" },
			insert: { visibility: "private" },
			update: { visibility: "private" },
			charge: {
				visibility: "public",
				params: { amount: { type: "number", min: 0 }, method: "string" },
				async handler(ctx) {
					const { amount, method } = ctx.params;
					if (method === "slow") await new Promise(resolve => setTimeout(resolve, 800));
					if (method === "broken") throw new Error("the terminal is on fire");
					if (amount > 1000) {
						throw new MoleculerError("Payment declined", 402, "PAYMENT_DECLINED", { amount, limit: 1000 });
					}
					const userId = ctx.meta.user.id;
					const { id } = await this._create(ctx, { userId, amount, method });
					ctx.meta.paymentId = id;
					return { id, amount };
				}
			},
			methods: {
				rest: "GET /methods",
				handler: () => ["card", "invoice", "slow", "broken"]
			},
			/** What the user who asks has paid. */
			total: {
				rest: "GET /total",
				async handler(ctx) {
					// In an order, because sums of floats depend on it.
					const paid = await this.adapter.find({ query: { userId: ctx.meta.user.id }, sort: ["amount"] });
					return { count: paid.length, sum: paid.reduce((sum, { amount }) => sum + amount, 0) };
				}
			},
			/** What the user who asks has paid, for a spreadsheet. */
			sheet: {
				rest: "GET /sheet",
				responseType: "text/csv",
				responseHeaders: { "X-Kind": "sheet" },
				async handler(ctx) {
					const paid = await this.adapter.find({ query: { userId: ctx.meta.user.id } });
					return paid.map(({ method, amount }) => `${method};${amount}`).sort().join("\n");
				}
			},
			/** A receipt as text, or as bytes. */
			receipt: {
				rest: "GET /receipt/:format",
				params: { format: { type: "enum", values: ["text", "bytes", "none"] } },
				handler(ctx) {
					const { format } = ctx.params;
					if (format === "none") return null;
					const text = `Receipt for ${ctx.meta.user.email}\n`;
					if (format === "bytes") return Buffer.from(text);
					ctx.meta.$responseType = "text/plain; charset=utf-8";
					ctx.meta.$responseHeaders = { "X-Receipt": "1", "Content-Disposition": "attachment" };
					return text;
				}
			}
		}
	};
};
