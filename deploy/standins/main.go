// Command standins makes the images that Docker needs available on this machine. It pulls them. If no registry can be
// reached, it builds stand-ins under the same names, with the same contract.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const usage = `Usage: standins [--remove] IMAGE...

Makes each IMAGE available to Docker:

  - An image that is present stays as it is, unless it is a stand-in.
  - Otherwise it is pulled.
  - If it cannot be pulled, for example because no registry can be reached, a stand-in is built under the same name: the
    same program, perhaps in another version, with the same contract (variables, folders, users, signals).

There are stand-ins for %s.

Stand-ins carry the label %s. To build them again, remove them first. Building needs Linux, root,
debootstrap and the Internet (Debian, Maven Central). The stand-in for Kafka also needs Maven, unless Kafka's jars are in
the user's cache folder. The Debian below all stand-ins stays in that folder too, and is made again after a week.

  --remove   remove the stand-ins among the IMAGEs, and the base image if no stand-in is left; nothing else is removed
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "standins:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("standins", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are returned, and help is printed below
	remove := flags.Bool("remove", false, "")
	help := func() { fmt.Fprintf(out, usage, known(), label) }
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		help()
		return nil
	} else if err != nil {
		return fmt.Errorf("%w; --help lists the options", err)
	}
	if flags.NArg() == 0 {
		return errors.New("name one or more images, for example postgres:17.11; --help explains more")
	}
	var engine docker
	if err := engine.connect(ctx); err != nil {
		return err
	}
	p := &provider{engine: engine, build: builder{engine, out}.build, out: out}
	if *remove {
		return errors.Join(each(ctx, flags.Args(), p.remove), p.removeBase(ctx))
	}
	return each(ctx, flags.Args(), p.provide)
}

// each goes on after an error, unless it is interrupted.
func each(ctx context.Context, images []string, action func(context.Context, string) error) error {
	var failed []error
	for _, image := range images {
		if err := action(ctx, image); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", image, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failed...)
}
