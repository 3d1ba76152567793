package cli

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// verifying is a service whose copies have these differences.
func verifying(t *testing.T, err error, differences ...consumer.Difference) App[settings] {
	t.Helper()
	app := bare()
	app.Load = func(config.Needs) (settings, error) { return settings{}, nil }
	app.OpenMessaging = func(settings, *slog.Logger) (Messaging, error) {
		client, err := broker.New(broker.Config{Brokers: []string{"127.0.0.1:1"}}, slog.New(slog.DiscardHandler))
		return Messaging{Kafka: client}, err
	}
	app.OpenOperations = func(context.Context, settings, *slog.Logger) (Operations, error) {
		return Operations{Close: func() {}, Verify: func(_ context.Context, _ consumer.LogReader, o consumer.VerifyOptions) ([]consumer.Verified, error) {
			if o.Topic != "" && o.Topic != hatTopic {
				t.Errorf("asked for %s", o.Topic)
			}
			for _, d := range differences {
				if err := o.Found(d); err != nil {
					return nil, err
				}
			}
			return []consumer.Verified{{Topic: hatTopic, Rows: 5, Differences: int64(len(differences)), NotRead: 7}}, err
		}}, nil
	}
	return app
}

func TestCopyVerify(t *testing.T) {
	t.Parallel()
	differences := []consumer.Difference{
		{Topic: hatTopic, Key: "bowler", Log: map[string]any{"name": "Bowler", "version": 2}, Copy: map[string]any{"name": nil, "version": 2}},
		{Topic: hatTopic, Key: "fez", Log: map[string]any{"name": "Fez"}, DeadLetter: new(int64(3))},
		{Topic: hatTopic, Key: "crown", Copy: map[string]any{"name": "Crown"}},
	}
	for name, tt := range map[string]struct {
		app  App[settings]
		args string
		code int
		want []string
	}{
		"Equal": {verifying(t, nil), "--topic=" + hatTopic, 0, []string{"TOPIC", hatTopic + "  5     0            7"}},
		"Differ": {verifying(t, nil, differences...), "", 1, []string{
			hatTopic + ` bowler: name is null instead of "Bowler"` + "\n",
			hatTopic + " fez: the copy has no row (see dead letter 3)\n",
			hatTopic + " crown: the log has no event\n", hatTopic + "  5     3", "shop: the copies differ from the logs"}},
		"JSON": {verifying(t, nil, differences[1]), "--json", 1, []string{
			`{"topic":"test.hat.v1","key":"fez","log":{"name":"Fez"},"copy":null,"dead_letter":3}` + "\n" +
				`{"topic":"test.hat.v1","rows":5,"differences":1,"not_read":7,"unreadable":0}` + "\n"}},
		"Failed": {verifying(t, errors.New("Kafka is away")), "", 1, []string{"shop: Kafka is away"}},
	} {
		r := call(t.Context(), tt.app, nil, strings.Fields("copy verify "+tt.args)...)
		for _, want := range tt.want {
			if r.code != tt.code || !strings.Contains(r.out+r.err, want) {
				t.Errorf("%s: %+v does not have %q", name, r, want)
			}
		}
	}
}
