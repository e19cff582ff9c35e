// Orders: reserve, charge, write down; whatever fails is undone.
"use strict";

module.exports = ({ Errors, database }) => {
	const { MoleculerClientError, MoleculerRetryableError } = Errors;

	return {
		name: "orders",
		...database("orders"),
		settings: {
			idField: "id",
			fields: ["id", "userId", "productId", "quantity", "totalPrice", "status", "paymentId", "note", "createdAt"],
			populates: {
				productId: { action: "products.get", params: { fields: ["name", "price"] } },
				userId: "users.get"
			}
		},
		dependencies: ["products", "payments"],
		actions: {
			update: { visibility: "private" },
			insert: { visibility: "private" },
			list: { cache: { keys: ["page", "pageSize", "sort", "query", "#user.id"] } },
			create: {
				rest: "POST /",
				params: {
					$$strict: true,
					productId: { type: "string", min: 1 },
					quantity: { type: "number", integer: true, min: 1, max: 1000 },
					payment: { type: "enum", values: ["card", "invoice", "slow", "broken"], default: "card" },
					note: { type: "string", max: 200, optional: true, nullable: true }
				},
				async handler(ctx) {
					const { productId, quantity, payment, note } = ctx.params;
					const userId = ctx.meta.user.id;
					const product = await ctx.call("products.get", { id: productId });
					await ctx.call("products.reserve", { id: productId, quantity });
					const totalPrice = product.price * quantity;
					let charged;
					try {
						charged = await ctx.call("payments.charge", { amount: totalPrice, method: payment }, { timeout: 400 });
					} catch (error) {
						await ctx.call("products.reserve", { id: productId, quantity: -quantity });
						await ctx.emit("order.failed", { userId, productId, reason: error.type || error.name });
						if (error.code === 504) {
							throw new MoleculerRetryableError("The payment takes too long", 504, "PAYMENT_SLOW", { payment });
						}
						throw error;
					}
					const order = await this._create(ctx, {
						userId,
						productId,
						quantity,
						totalPrice,
						status: "confirmed",
						paymentId: charged.id,
						note: note === undefined ? null : note,
						createdAt: new Date()
					});
					await ctx.emit("order.created", { ...order, productName: product.name });
					ctx.meta.$statusCode = 201;
					ctx.meta.$location = `/api/orders/${order.id}`;
					return order;
				}
			},
			my: {
				rest: "GET /my",
				params: { status: { type: "string", optional: true } },
				handler(ctx) {
					const query = { userId: ctx.meta.user.id };
					if (ctx.params.status) query.status = ctx.params.status;
					return this._find(ctx, { query, sort: ["totalPrice"] });
				}
			},
			setStatus: {
				rest: "PUT /:id/status",
				params: {
					id: "string",
					status: { type: "enum", values: ["confirmed", "shipped", "delivered", "cancelled"] }
				},
				async handler(ctx) {
					const { id, status } = ctx.params;
					const old = await this.adapter.findById(id);
					if (!old) throw new MoleculerClientError("Order not found", 404, "NOT_FOUND", { id });
					const order = await this._update(ctx, { id, status });
					await ctx.broadcast("order.statusChanged", { id, userId: order.userId, from: old.status, to: status });
					return order;
				}
			}
		}
	};
};
