-- +goose Up
-- Sessions plan each statement anew, for the present size of the tables. An append of many events calls this function for each
-- of them, so planning it took longer than the rest. Its settings leave only one index that has conditions for all columns.
ALTER FUNCTION outbox_predecessor(text, text, bigint) SET plan_cache_mode = force_generic_plan;

-- +goose Down
ALTER FUNCTION outbox_predecessor(text, text, bigint) RESET plan_cache_mode;
