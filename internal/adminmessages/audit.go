package adminmessages

import (
	"net/http"
	"strconv"

	"github.com/monsplit/monsplit/internal/adminui"
	"github.com/monsplit/monsplit/internal/messaging/audit"
)

// auditPage is the data of the page with what operators have changed.
type auditPage struct {
	Actions []auditRow
	Older   string // the query of the next part
	First   bool
}

type auditRow struct {
	audit.Action
	Pretty string // the detail with indents
	Cut    bool   // it is longer
	Run    bool   // it has a page with its progress
}

// mostDetail is how many bytes of a detail the page shows, so that a page is small. The command shows all of it.
const mostDetail = 1 << 10

func (p *Pages) audit(v *adminui.Visit) error {
	before, err := input{v.R, v.R.URL.Query()}.number("before")
	if err != nil {
		return err
	}
	actions, err := audit.List(v.R.Context(), p.Repair.Pool, audit.Filter{Before: before, Limit: rows + 1})
	if err != nil {
		return err
	}
	page := auditPage{First: before == 0}
	if len(actions) > rows {
		actions = actions[:rows]
		page.Older = "?before=" + strconv.FormatInt(actions[rows-1].ID, 10)
	}
	for _, one := range actions {
		detail := adminui.Indented(string(one.Detail))
		_, is := jobOf(one.Command)
		page.Actions = append(page.Actions, auditRow{one, adminui.Beginning(detail, mostDetail), len(detail) > mostDetail, is})
	}
	return v.Render(http.StatusOK, "audit", page)
}

// actions returns all actions of the pages.
func (p *Pages) actions() []action {
	var all []action
	for _, some := range [][]action{p.outboxActions(), p.letterActions(), p.consumerActions(), p.relayActions(), p.repairActions()} {
		all = append(all, some...)
	}
	return all
}
