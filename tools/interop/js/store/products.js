// Products: the catalogue and the stock.
"use strict";

module.exports = ({ Errors, database }) => {
	const { MoleculerClientError } = Errors;

	return {
		name: "products",
		...database("products"),
		settings: {
			fields: ["_id", "name", "description", "price", "stock", "category", "createdAt"],
			maxPageSize: 5,
			entityValidator: {
				$$strict: "remove",
				_id: { type: "string", optional: true },
				name: { type: "string", min: 2, max: 200 },
				description: { type: "string", max: 5000, default: "" },
				price: { type: "number", min: 0 },
				stock: { type: "number", integer: true, min: 0, default: 0 },
				category: { type: "enum", values: ["books", "electronics", "toys"] },
				createdAt: { type: "number", optional: true }
			}
		},
		hooks: {
			before: {
				create(ctx) {
					if (typeof ctx.params.name === "string") ctx.params.name = ctx.params.name.trim();
				}
			},
			after: {
				create(ctx, product) {
					ctx.meta.$statusCode = 201;
					ctx.meta.$location = `/api/products/${product._id}`;
					return product;
				}
			}
		},
		actions: {
			/** Takes pieces out of the stock; a negative number puts them back. */
			reserve: {
				visibility: "public",
				params: { id: "string", quantity: { type: "number", integer: true } },
				async handler(ctx) {
					const { id, quantity } = ctx.params;
					const product = await this._get(ctx, { id });
					if (product.stock < quantity) {
						throw new MoleculerClientError("Insufficient stock", 422, "INSUFFICIENT_STOCK", {
							available: product.stock,
							requested: quantity
						});
					}
					const changed = await this._update(ctx, { id, stock: product.stock - quantity });
					if (changed.stock < 3) ctx.emit("product.low", { id, name: changed.name, stock: changed.stock });
					return changed;
				}
			},
			/** The cheapest of each category. */
			cheapest: {
				rest: "GET /cheapest",
				cache: { ttl: 60 },
				async handler() {
					const found = {};
					for (const { name, price, category } of await this.adapter.find({ sort: ["-price", "-name"] })) {
						found[category] = { name, price };
					}
					return Object.keys(found).sort().map(category => ({ category, ...found[category] }));
				}
			}
		},
		methods: {
			beforeEntityChange(type, entity) {
				return Promise.resolve(type === "create" ? { ...entity, createdAt: Date.now() } : entity);
			}
		}
	};
};
