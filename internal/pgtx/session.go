package pgtx

// PlannerSettings returns the settings of sessions whose statements find rows by conditions on indexes. Many tables are empty
// at one moment and have a million rows at the next: the pending events while Kafka is away, dead letters, requests,
// idempotency keys, and every table of a new database. The planner's statistics of such a table are wrong. So:
//   - Each execution is planned with the present size of the tables. By default, a session keeps a plan that it made when a
//     table was empty. In that plan all indexes look alike, even a scan of a whole index.
//   - A statement for many rows uses an index as well. Without statistics, PostgreSQL believes that 500 keys are the whole table.
//
// The few statements that read whole tables and join them have to turn these settings off, see AllPlans.
func PlannerSettings() map[string]string {
	return map[string]string{
		"plan_cache_mode": "force_custom_plan",
		"enable_seqscan":  "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"jit": "off", // a plan that has to read a whole table looks so expensive that it would be compiled each time
	}
}

// BeginPinned is SQL for Run. It begins a transaction with the settings of PlannerSettings, for sessions that lack them.
const BeginPinned = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL plan_cache_mode = force_custom_plan; ` +
	`SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off; ` +
	`SET LOCAL enable_mergejoin = off; SET LOCAL jit = off`

// AllPlans is SQL that lets a session use all kinds of plans, for reports that read whole tables.
const AllPlans = "SET enable_seqscan = on; SET enable_bitmapscan = on; SET enable_hashjoin = on; SET enable_mergejoin = on"

// DurableCommit returns the value of synchronous_commit for a session whose commits must survive a crash of the server. With a
// weaker value, a crash can undo a transaction that the server has reported as committed. A server, database or role may have one.
// chosen is the value in the URL, or "". The one stronger value is kept.
func DurableCommit(chosen string) string {
	if chosen == "remote_apply" {
		return chosen
	}
	return "on"
}
