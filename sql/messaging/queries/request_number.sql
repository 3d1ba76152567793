-- Takes the next number of a key. The lock of the row lasts until the transaction ends. So the numbers of a key have no gap,
-- and the messages of a key are appended in the order of their numbers.
-- name: NextNumber :one
INSERT INTO message_number AS m (topic, key, last) VALUES (@topic, @key, 1)
ON CONFLICT (topic, key) DO UPDATE SET last = m.last + 1
RETURNING last;

-- Gives out no number again that is in the log.
-- name: RaiseNumbers :exec
INSERT INTO message_number AS m (topic, key, last)
SELECT @topic, u.key, u.last FROM (SELECT unnest(@keys::text[]) AS key, unnest(@numbers::bigint[]) AS last) u
ON CONFLICT (topic, key) DO UPDATE SET last = greatest(m.last, excluded.last);
