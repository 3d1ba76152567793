package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/monsplit/monsplit/internal/bulkimport"
	"github.com/monsplit/monsplit/internal/config"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/postgres"
	"github.com/monsplit/monsplit/internal/testkit/pgtest"
)

// result is what a command printed and how it ended.
type result struct {
	code     int
	out, err string
}

// call runs a command line through the command tree.
func call(ctx context.Context, app App[settings], in io.Reader, args ...string) result {
	var stdout, stderr bytes.Buffer
	root := New(app)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	code := execute(ctx, app, root)
	return result{code, stdout.String(), stderr.String()}
}

// settings has one setting that not every service has.
type settings struct {
	config.Common
	Hats int `env:"SHOP_HATS" envDefault:"12" about:"number of hats on the shelf"`
}

// migrating is a configuration whose commands bring the schema up to date.
func migrating() settings {
	return settings{Common: config.Common{Database: postgres.Settings{MigrateOnStart: true}}}
}

var errNotConfigured = errors.New("DATABASE_URL is missing")

// bare is a service without a configuration: every command fails after its arguments have been checked.
func bare() App[settings] {
	return App[settings]{Name: "shop", About: "A shop", Load: func(config.Needs) (settings, error) { return settings{}, errNotConfigured }}
}

// Wrong arguments give exit code 2, and are reported before any other error.
func TestUsage(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"nonsense":                                   "unknown command \"nonsense\"",
		"outbox nonsense":                            "unknown command \"nonsense\"",
		"serve now":                                  "accepts",
		"migrate --nonsense":                         "unknown flag: --nonsense",
		"import a b":                                 "accepts",
		"import --format=xml a":                      "unknown format \"xml\": use csv, json or jsonl",
		"import --generate=0":                        "--generate takes a number of 1 or more",
		"import --generate=-1":                       "--generate takes a number of 1 or more",
		"import --generate=many":                     "invalid argument \"many\"",
		"import --generate=1 a":                      "--generate takes a number of 1 or more, and no FILE",
		"import --wait=soon":                         "invalid argument \"soon\"",
		"import --once a":                            "--once is for the built-in sample",
		"import --once --generate=1":                 "--once is for the built-in sample",
		"outbox list --limit=0":                      "--limit must be between 1 and 1000",
		"dead-letters list --limit=1001":             "--limit must be between 1 and 1000",
		"dead-letters list --state=bananas":          "--state bananas: it must be one of open, replayed, superseded, discarded, all",
		"copy conflicts --after=a":                   "--after needs --topic",
		"copy conflicts --limit=0":                   "--limit must be between 1 and 1000",
		"dead-letters show":                          "accepts",
		"dead-letters show x":                        "\"x\" is not the id of a dead letter",
		"dead-letters replay":                        "give the id of a dead letter, or select some",
		"dead-letters replay 1 --all":                "are for many dead letters, without an id",
		"dead-letters discard --all --topic=t":       "give the id of a dead letter, or select some",
		"dead-letters replay --since=soon":           "it must be a time as in",
		"dead-letters replay 0":                      "\"0\" is not the id of a dead letter",
		"dead-letters discard 1 2":                   "accepts",
		"outbox republish":                           "--reason has to say why",
		"outbox republish --rate=-1":                 "--rate must be 0 or more",
		"outbox republish --dry-run --by=":           "--by has to say who does it",
		"outbox reassert":                            "--lost has to be recover",
		"outbox reassert --lost=keep --reason=r":     "--lost has to be recover",
		"outbox reassert --lost=delete":              "--reason has to say why",
		"audit list --limit=0":                       "--limit must be between 1 and 1000",
		"adopt":                                      "--positions has to be start",
		"adopt --positions=7":                        "--positions has to be start",
		"adopt --positions=end":                      "--reason has to say why",
		"consumer pause":                             "--topic is needed",
		"consumer pause --topic=t":                   "--reason has to say why",
		"outbox pause":                               "--reason has to say why",
		"outbox pause --reason=r --by=":              "--by has to say who does it",
		"consumer skip --topic=t --reason=r":         "--topic and --partition are needed",
		"consumer reset --to=start":                  "--topic and --to are needed",
		"consumer reset --topic=t --to=x --reason=r": "the place is start, end or an offset",
		"consumer reset --topic=t --to=end":          "--reason has to say why",
		"validate-config all":                        "accepts",
		"healthcheck now":                            "accepts",
		"healthcheck --timeout=0s":                   "--timeout must be longer than 0s",
	}
	for line, want := range tests {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			r := call(t.Context(), bare(), nil, strings.Fields(line)...)
			if r.code != 2 || !strings.Contains(r.err, want) || !strings.Contains(r.err, "Try: shop") || r.out != "" {
				t.Errorf("%+v, want code 2 and %q", r, want)
			}
		})
	}
}

// If the database refuses the session, the first line says what to do. The driver's error follows.
func TestRefusedSession(t *testing.T) {
	t.Parallel()
	app := bare()
	app.Load = func(config.Needs) (settings, error) { return migrating(), nil }
	u := strings.Replace(pgtest.NewURL(t), "sslmode=disable", "sslmode=require", 1) // the server has no TLS
	app.Migrate = func(ctx context.Context, _ settings, _ *slog.Logger) error {
		pool, err := postgres.Open(ctx, postgres.Config{URL: u})
		if err != nil {
			return err
		}
		defer pool.Close()
		return pool.Ping(ctx)
	}
	r := call(t.Context(), app, nil, "migrate")
	if r.code != 1 || !strings.HasPrefix(r.err, "shop: the database does not speak TLS") || !strings.Contains(r.err, "\nCause: ") {
		t.Errorf("%+v", r)
	}
}

// Commands that only work on the database need no broker.
func TestNeeds(t *testing.T) {
	t.Parallel()
	for line, kafka := range map[string]bool{
		"serve": true, "validate-config": true, "migrate": false, "maintain": false, "import": false, "outbox status": false, "outbox list": false,
		"outbox republish --reason=lost": false, "outbox reassert --lost=delete --reason=lost": true, "audit list": false, "copy conflicts": false, "dead-letters list": false, "dead-letters show 1": false, "dead-letters replay 1": false, "dead-letters discard 1": false,
	} {
		app, asked := bare(), false
		app.Load = func(needs config.Needs) (settings, error) {
			if asked = true; needs("KAFKA_BROKERS") != kafka || !needs("DATABASE_URL") {
				t.Errorf("%s: needs brokers: %t, want %t", line, needs("KAFKA_BROKERS"), kafka)
			}
			return settings{}, errNotConfigured
		}
		r := call(t.Context(), app, nil, strings.Fields(line)...)
		if !asked || r.code != 1 || r.err != "shop: DATABASE_URL is missing\n" || r.out != "" {
			t.Errorf("%s: %+v", line, r)
		}
	}
}

// hopeless is a service whose database never becomes available. It calls interrupt when a command waits for the database.
func hopeless(interrupt func()) App[settings] {
	app := bare()
	app.Load = func(config.Needs) (settings, error) { return migrating(), nil }
	app.Migrate = func(ctx context.Context, _ settings, _ *slog.Logger) error {
		interrupt()
		<-ctx.Done()
		return ctx.Err()
	}
	app.OpenImport = func(context.Context, settings) (bulkimport.Target, error) {
		return bulkimport.Target{Importers: []bulkimport.Importer{{Name: "hats", Columns: hatColumns()}, {Name: "coats"}}, Close: func() {}}, nil
	}
	return app
}

func TestInterruptedWhileItWaits(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]result{
		"migrate": {code: 1, err: "shop: interrupted\n"},
		"import":  {code: 1, err: "shop: interrupted\n"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		if r := call(ctx, hopeless(interrupt), nil, line); r != want {
			t.Errorf("%s: %+v, want %+v", line, r, want)
		}
	}
}

// An interrupt ends a command that waits for input from a terminal.
func TestInterruptedWhileItReads(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	in, typing := io.Pipe()
	defer typing.Close()
	go func() {
		_, _ = typing.Write([]byte("name,size\n")) // returns when the command has read it
		interrupt()
	}()
	r := call(ctx, hopeless(func() { t.Error("went on to the database") }), in, "import", "-", "--model=hats")
	if want := (result{code: 1, err: "shop: interrupted\n"}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
}

// Faults of the arguments and of the file are reported even if the database is away.
func TestImportLooksBeforeItWaits(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.csv")
	for line, want := range map[string]result{
		"import --model=gloves -":           {2, "", "--model gloves: this service has no such model"},
		"import -":                          {2, "", "the model of the records is missing: --model hats or coats"},
		"import --generate=5":               {2, "", "--generate: this service cannot generate records"},
		"import --model=hats " + missing:    {1, "", "no such file"},
		"import --model=hats -":             {1, "", "standard input:1: the input is empty"},
		"import --model=hats --format=json": {1, "", "interrupted"}, // the sample: no file to check
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		waited := false
		app := hopeless(func() { waited = true; interrupt() })
		r := call(ctx, app, strings.NewReader(""), strings.Fields(line)...)
		if r.code != want.code || !strings.Contains(r.err, want.err) || r.out != "" || waited != (want.err == "interrupted") {
			t.Errorf("%s: %+v, waited: %t, want %+v", line, r, waited, want)
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	if r := call(t.Context(), bare(), nil, "version"); r.code != 0 || !strings.HasPrefix(r.out, "shop ") {
		t.Errorf("%+v", r)
	}
	for _, args := range [][]string{nil, {"outbox"}, {"dead-letters"}, {"--help"}} {
		if r := call(t.Context(), bare(), nil, args...); r.code != 0 || !strings.Contains(r.out, "Usage:") {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// The service replays and discards. The commands pass their arguments on, print the result, and close what they opened.
func TestDeadLettersAreClosedByTheService(t *testing.T) {
	t.Parallel()
	app, closed := bare(), 0
	app.Load = func(config.Needs) (settings, error) { return settings{}, nil }
	app.OpenOperations = func(context.Context, settings, *slog.Logger) (Operations, error) {
		return Operations{
			Replay: func(_ context.Context, id int64, by, _ string) (consumer.DeadLetter, error) {
				return consumer.DeadLetter{ID: id, State: consumer.Replayed, Note: new("by " + by)}, nil
			},
			Discard: func(_ context.Context, id int64, by, note string) (consumer.DeadLetter, error) {
				return consumer.DeadLetter{ID: id, State: consumer.Discarded, Note: new(note + ", by " + by)}, nil
			},
			Close: func() { closed++ },
		}, nil
	}
	for line, want := range map[string]string{
		"replay 7 --by=me":                   "dead letter 7: replayed (by me)\n",
		"discard 8 --by=me --reason=rubbish": "dead letter 8: discarded (rubbish, by me)\n",
	} {
		r := call(t.Context(), app, nil, append([]string{"dead-letters"}, strings.Fields(line)...)...)
		if r != (result{out: want}) {
			t.Errorf("%s: %+v, want %q", line, r, want)
		}
	}
	if closed != 2 {
		t.Errorf("closed %d times, want twice", closed)
	}
}

// The commands show the settings that only this service has like all others.
func TestValidateConfig(t *testing.T) {
	t.Parallel()
	app := bare()
	app.Defaults.HTTP.Addr = ":8003"
	app.Load = func(config.Needs) (settings, error) { return settings{Hats: 7}, nil }
	if r := call(t.Context(), app, nil, "validate-config"); r.code != 0 || !strings.Contains(r.out, "\nSHOP_HATS=7\n") {
		t.Errorf("%+v", r)
	}
	if r := call(t.Context(), app, nil, "validate-config", "--json"); r.code != 0 || !strings.Contains(r.out, `"SHOP_HATS": "7"`) {
		t.Errorf("%+v", r)
	}
	r := call(t.Context(), app, nil, "validate-config", "--help")
	for _, want := range []string{"HTTP_ADDR (:8003)\n", "SHOP_HATS (12)\n    number of hats on the shelf\n", "LOG_LEVEL (info)\n"} {
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Errorf("%q is not in %+v", want, r)
		}
	}
}

// Text from outside cannot control the terminal of the person who runs a command.
func TestOutsideTextIsEscaped(t *testing.T) {
	t.Parallel()
	h := &hats{stored: map[string]string{}}
	for name, in := range map[string]string{
		"Column": "name,\x1b[2J\u202e\n",
		"Value":  "name\n\"\x1b[2JBowler\"\nCrown\n",
	} {
		r := call(t.Context(), h.app(), strings.NewReader(in), "import", "-")
		if r.code == 0 || strings.ContainsAny(r.out+r.err, "\x1b\u202e") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	r := call(t.Context(), h.app(), nil, "import", "\x1b[2J.csv")
	if r.code == 0 || strings.Contains(r.err, "\x1b") || !strings.Contains(r.err, `\u001b[2J.csv`) {
		t.Errorf("a path: %+v", r)
	}
	var b strings.Builder
	if err := table(&b, []string{"a\tb\nc\x1b"}); err != nil || b.String() != `a\u0009b\u000ac\u001b`+"\n" {
		t.Errorf("a table: %q, %v", b.String(), err)
	}
}
