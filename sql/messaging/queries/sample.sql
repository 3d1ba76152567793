-- name: SampleImported :one
SELECT EXISTS (SELECT FROM sample_import WHERE model = @model)::boolean AS imported;

-- name: MarkSampleImported :exec
INSERT INTO sample_import (model) VALUES (@model) ON CONFLICT (model) DO NOTHING;
