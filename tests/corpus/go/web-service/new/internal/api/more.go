package api

import (
	"fmt"
	"net/http"
	"strings"
)

func (s *Server) M1(w http.ResponseWriter, r *http.Request) {
	sort := r.FormValue("sort")
	if sort == "" {
		sort = "name"
	}
	s.store.DB.Query("SELECT * FROM products ORDER BY " + sort)
}

func (s *Server) M2(w http.ResponseWriter, r *http.Request) {
	sort := r.FormValue("sort")
	s.store.DB.Query("SELECT * FROM products ORDER BY " + sort)
}

func (s *Server) M3(w http.ResponseWriter, r *http.Request) {
	ids := strings.Split(r.FormValue("ids"), ",")
	marks := make([]string, len(ids))
	for i := range ids {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	s.store.DB.Query("SELECT * FROM products WHERE id IN (" + strings.Join(marks, ",") + ")")
}
func (s *Server) M4(w http.ResponseWriter, r *http.Request) {
	v := r.FormValue("ids")
	marks := make([]string, len(v))
	for i := range v {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	s.store.DB.Query("SELECT * FROM products WHERE id IN (" + strings.Join(marks, ",") + ")")
}
