package adminui

import (
	"context"
	"fmt"
)

// Unchanged says that a form had the values that are stored already.
func Unchanged(id string) Saved { return Saved{ID: id, Note: "Nothing has changed."} }

// PublishedNote says that a thing has a new version, of which an event tells the other services. what names the kind of thing, and
// done is what was done to it, such as "created".
func PublishedNote(what, title, done string, version int64) string {
	return fmt.Sprintf("The %s “%s” is %s, as version %d. The other services hear of it by an event.", what, title, done, version)
}

// DeletedNote says that a thing does not exist any more.
func DeletedNote(what, title string) string {
	return fmt.Sprintf("The %s “%s” is deleted.", what, title)
}

// DeleteAction returns the action that deletes many things with a function for Resource.Delete.
func DeleteAction(follows []string, remove func(ctx context.Context, id string, version int64) (Saved, error)) Action {
	return Action{
		Name: "delete", Title: "Delete", Done: "deleted", Danger: true, Follows: follows,
		Do: func(ctx context.Context, id string, version int64) error {
			_, err := remove(ctx, id, version)
			return err
		},
	}
}
