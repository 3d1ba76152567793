package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/monsplit/monsplit/internal/messaging/outbox"
	"github.com/monsplit/monsplit/internal/postgres"
)

func (a App[C]) outbox() *cobra.Command {
	return group("outbox", "Show the state and the events of the outbox, and repair it",
		a.outboxStatus(), a.outboxList(), a.pauseOutbox(), a.resumeOutbox(), a.outboxRetry(), a.outboxDiscard(), a.outboxRepublish(), a.outboxReassert())
}

func (a App[C]) outboxStatus() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "status", Short: "Show how many events are unsent and for how long, what is blocked, and which instance holds which shard", Args: exactly(0),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			s, err := outbox.ReadStatus(cmd.Context(), pool)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), s)
			}
			return printStatus(cmd.OutOrStdout(), s)
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func (a App[C]) outboxList() *cobra.Command {
	var (
		filter outbox.EventFilter
		asJSON bool
	)
	cmd := &cobra.Command{
		Use: "list", Short: "List events, newest first, and whether they have been sent", Args: exactly(0),
		PreRunE: checked(func(*cobra.Command, []string) error { return checkLimit(filter.Limit) }),
		RunE: a.withDatabase(func(cmd *cobra.Command, _ []string, pool *postgres.Pool) error {
			events, err := outbox.ListEvents(cmd.Context(), pool, filter)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), events)
			}
			if len(events) == 0 {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "there are none")
				return err
			}
			rows := [][]string{{"SEQ", "TIME", "TOPIC", "KEY", "VERSION", "TYPE", "SENT"}}
			for _, e := range events {
				rows = append(rows, []string{fmt.Sprint(e.Seq), e.Time.Format(time.RFC3339), e.Topic, e.Key, fmt.Sprint(e.Version), e.Type,
					sentOf(e)})
			}
			return table(cmd.OutOrStdout(), rows...)
		}),
	}
	cmd.Flags().BoolVar(&filter.Pending, "pending", false, "only unsent events")
	cmd.Flags().StringVar(&filter.Topic, "topic", "", "only this topic")
	cmd.Flags().StringVar(&filter.Key, "key", "", "only the aggregate with this key")
	cmd.Flags().Int64Var(&filter.Before, "before", 0, "only events with a lower sequence number")
	cmd.Flags().IntVar(&filter.Limit, "limit", 100, fmt.Sprintf("maximum number of rows, up to %d", mostListed))
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func sentOf(e outbox.ListedEvent) string {
	if e.Discarded {
		return "discarded"
	}
	return fmt.Sprint(e.Sent)
}

func printHalted(w io.Writer, halted []outbox.HaltedShard) error {
	if len(halted) == 0 {
		return nil
	}
	rows := [][]string{{"HALTED TOPIC", "SHARD", "SINCE", "CODE", "REASON"}}
	steps := map[outbox.HaltCode]string{}
	for _, h := range halted {
		rows = append(rows, []string{h.Topic, fmt.Sprint(h.Shard), h.Since.Format(time.RFC3339), string(h.Code), h.Reason})
		steps[h.Code] = h.NextStep
	}
	fmt.Fprintln(w)
	if err := table(w, rows...); err != nil {
		return err
	}
	for _, code := range slices.Sorted(maps.Keys(steps)) {
		fmt.Fprintf(w, "%s: %s See docs/operations.md, section %[1]s.\n", code, steps[code])
	}
	return nil
}

// printStandstills prints the states in which events do not move, without those that have a table of their own.
func printStandstills(w io.Writer, s outbox.Status) error {
	rows := [][]string{{"STANDSTILL", "INSTANCE", "SHARDS", "UNTIL", "REASON"}}
	for _, one := range s.Standstills {
		stored := slices.ContainsFunc(s.Halted, func(h outbox.HaltedShard) bool { return string(h.Code) == string(one.Code) })
		if stored || one.Code == outbox.Paused || one.Code == outbox.Blocked {
			continue
		}
		until := "-"
		if one.Until != nil {
			until = one.Until.UTC().Format(time.RFC3339)
		}
		rows = append(rows, []string{string(one.Code), cmp.Or(one.Instance, "-"), cmp.Or(strings.Join(one.Shards, " "), "-"), until, one.Reason})
	}
	if len(rows) == 1 {
		return nil
	}
	fmt.Fprintln(w)
	return table(w, rows...)
}

func printStatus(w io.Writer, s outbox.Status) error {
	oldest := "-"
	if s.OldestPending != nil {
		oldest = time.Duration(s.OldestAge * float64(time.Second)).Round(time.Millisecond).String()
	}
	pending := fmt.Sprint(s.Pending)
	if s.PendingMore {
		pending = "more than " + pending
	}
	if err := table(w, []string{"pending", pending}, []string{"oldest", oldest},
		[]string{"appended", fmt.Sprint(s.Appended)}, []string{"room", fmt.Sprint(s.Room)}, []string{"blocked", fmt.Sprint(s.BlockedCount)}); err != nil {
		return err
	}
	if len(s.Blocked) > 0 {
		rows := [][]string{{"TOPIC", "KEY", "TRIES", "NEXT TRY", "ERROR"}}
		for _, b := range s.Blocked {
			rows = append(rows, []string{b.Topic, b.Key, fmt.Sprint(b.Attempts), b.RetryAt.UTC().Format(time.RFC3339), b.LastError})
		}
		fmt.Fprintln(w)
		if err := table(w, rows...); err != nil {
			return err
		}
	}
	if err := printHalted(w, s.Halted); err != nil {
		return err
	}
	if len(s.Paused) > 0 {
		fmt.Fprintln(w)
		if err := table(w, pauseRows(s.Paused)...); err != nil {
			return err
		}
	}
	if err := printStandstills(w, s); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return printHolders(w, s)
}

// printHolders prints which instance has which shards. Holders that are no longer running, and free shards, come last.
func printHolders(w io.Writer, s outbox.Status) error {
	held := map[string]map[string][]string{} // holder → topic → partitions
	for _, sh := range s.Shards {
		if held[sh.Holder] == nil {
			held[sh.Holder] = map[string][]string{}
		}
		held[sh.Holder][sh.Topic] = append(held[sh.Holder][sh.Topic], fmt.Sprint(sh.Shard))
	}
	rows := [][]string{{"INSTANCE", "TOPIC", "SHARDS"}}
	add := func(holder string) {
		for _, topic := range slices.Sorted(maps.Keys(held[holder])) {
			rows = append(rows, []string{cmp.Or(holder, "(free)"), topic, strings.Join(held[holder][topic], " ")})
		}
		delete(held, holder)
	}
	for _, i := range s.Instances {
		if held[i.Name] == nil {
			rows = append(rows, []string{i.Name, "-", "-"})
		}
		add(i.Name)
	}
	for _, holder := range slices.Sorted(maps.Keys(held)) {
		add(holder)
	}
	return table(w, rows...)
}
