package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/monsplit/monsplit/internal/strictjson"
)

// assigned is how many codes ISO 3166-1 assigns. If ISO assigns another one, this number has to change.
const assigned = 249

// userAssigned is the first numeric code that users may assign, such as that of XK.
const userAssigned = 900

// readNames returns the English names of the codes that ISO 3166-1 assigns. CLDR also knows withdrawn codes, which have no
// name any more, and codes without a number, which ISO only reserves.
func readNames(cldr string) (map[string]string, error) {
	var codes struct {
		Supplemental struct {
			CodeMappings map[string]struct {
				Numeric string `json:"_numeric"`
			} `json:"codeMappings"`
		} `json:"supplemental"`
	}
	var english struct {
		Main struct {
			En struct {
				LocaleDisplayNames struct {
					Territories map[string]string `json:"territories"`
				} `json:"localeDisplayNames"`
			} `json:"en"`
		} `json:"main"`
	}
	if err := readJSON(filepath.Join(cldr, "supplemental", "codeMappings.json"), &codes); err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(cldr, "main", "en", "territories.json"), &english); err != nil {
		return nil, err
	}
	names := map[string]string{}
	for code, c := range codes.Supplemental.CodeMappings {
		name := english.Main.En.LocaleDisplayNames.Territories[code]
		if official := officialNames()[code]; official != "" {
			name = official
		}
		if number, err := strconv.Atoi(c.Numeric); err == nil && number < userAssigned && len(code) == 2 && name != "" {
			names[code] = spelled(name)
		}
	}
	if len(names) != assigned {
		return nil, fmt.Errorf("found %d names, ISO 3166-1 has %d", len(names), assigned)
	}
	return names, nil
}

// officialNames returns the names that states ask others to use in English, where CLDR prefers another one.
func officialNames() map[string]string { return map[string]string{"CV": "Cabo Verde"} }

// spelled writes a name without abbreviations, and with the apostrophe that is on keyboards, so that a search finds it.
func spelled(name string) string {
	return strings.NewReplacer("St. ", "Saint ", " & ", " and ", "’", "'").Replace(name)
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := strictjson.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
