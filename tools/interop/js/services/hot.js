// A service made while the node runs: {name, version, dependencies}.
"use strict";

module.exports = ({ name, version, dependencies = [] }, { broker }) => ({
	name,
	version,
	dependencies,
	actions: { who: () => broker.nodeID }
});
