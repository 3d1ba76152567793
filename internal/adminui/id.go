package adminui

import (
	"strconv"

	"github.com/google/uuid"

	"github.com/monsplit/monsplit/internal/apperr"
)

// ParseNumber returns the id of a thing that has a number. Another text is not the id of anything. what names the things.
func ParseNumber(id, what string) (int64, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != id {
		return 0, apperr.New(apperr.NotFound, "There is no "+what+" with this number.")
	}
	return n, nil
}

// ParseUUID returns the id of a thing that has a UUID. Another text is not the id of anything. what names the things.
func ParseUUID(id, what string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.String() != id {
		return uuid.Nil, apperr.New(apperr.NotFound, "There is no "+what+" with this id.")
	}
	return parsed, nil
}
