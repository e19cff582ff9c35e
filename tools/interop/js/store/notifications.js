// Notifications: what users are told when something happens.
"use strict";

module.exports = ({ database }) => ({
	name: "notifications",
	...database("notifications"),
	settings: { idField: "id", fields: ["id", "userId", "event", "text"] },
	actions: {
		create: { visibility: "private" },
		insert: { visibility: "private" },
		update: { visibility: "private" },
		my: {
			rest: "GET /my",
			handler(ctx) {
				return this._find(ctx, { query: { userId: ctx.meta.user.id }, sort: ["text"] });
			}
		}
	},
	events: {
		"user.registered": {
			params: { id: "string", name: "string", email: "email" },
			handler(ctx) {
				return this.note(ctx, ctx.params.id, `Welcome, ${ctx.params.name}!`);
			}
		},
		"order.*"(ctx) {
			const { userId, productName, quantity, reason, from, to } = ctx.params;
			if (ctx.eventName === "order.created") return this.note(ctx, userId, `${quantity} x ${productName}`);
			if (ctx.eventName === "order.failed") return this.note(ctx, userId, `Not ordered: ${reason}`);
			return this.note(ctx, userId, `From ${from} to ${to}`);
		},
		"product.low": {
			group: "stockroom",
			handler(ctx) {
				return this.note(ctx, "stockroom", `${ctx.params.name}: ${ctx.params.stock} left`);
			}
		}
	},
	methods: {
		note(ctx, userId, text) {
			return this._create(ctx, { userId, event: ctx.eventName, text });
		}
	}
});
