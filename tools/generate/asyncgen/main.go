// Command asyncgen generates Go code for the events of a service from its AsyncAPI 3.0 document: a type for each event and
// for its data, a constructor that sets the constant members, and constants for topics and types.
//
//	asyncgen -package messages -out services/monolith/internal/messages/messages.gen.go asyncapi/monolith.yaml
//
// It supports the part of JSON Schema that these documents need. It refuses everything else instead of guessing a type.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	pkg := flag.String("package", "messages", "name of the generated package")
	out := flag.String("out", "", "file to write; its folder is made")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: asyncgen -out FILE [-package NAME] DOCUMENT")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *out == "" || flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *pkg, *out); err != nil {
		fmt.Fprintf(os.Stderr, "asyncgen: %s: %v\n", flag.Arg(0), err)
		os.Exit(1)
	}
}

func run(document, pkg, out string) error {
	src, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	model, err := Load(src)
	if err != nil {
		return err
	}
	code, err := Render(model, pkg, filepath.Base(document))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return os.WriteFile(out, code, 0o644)
}
