-- Arms a channel. A channel that is armed is not locked, so that wake() does not pass over it.
-- name: ArmWakeChannel :exec
UPDATE wake_channel SET armed = true WHERE channel = $1 AND NOT armed;
