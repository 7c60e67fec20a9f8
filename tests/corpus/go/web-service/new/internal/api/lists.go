package api

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var sorts = []string{"name", "price"}

var word = regexp.MustCompile(`^[a-z_]+$`)

func (s *Server) L1(w http.ResponseWriter, r *http.Request) {
	sort := r.FormValue("sort")
	if !slices.Contains(sorts, sort) {
		sort = "name"
	}
	s.store.DB.Query("SELECT * FROM products ORDER BY " + sort)
}

func (s *Server) L2(w http.ResponseWriter, r *http.Request) {
	sort := r.FormValue("sort")
	switch sort {
	case "name", "price":
	default:
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	s.store.DB.Query("SELECT * FROM products ORDER BY " + sort)
}

func (s *Server) L3(w http.ResponseWriter, r *http.Request) {
	sort := r.FormValue("sort")
	if sort != "name" && sort != "price" {
		return
	}
	s.store.DB.Query("SELECT * FROM products ORDER BY " + sort)
}

func (s *Server) L4(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil {
		limit = 10
	}
	s.store.DB.Query(fmt.Sprintf("SELECT * FROM products LIMIT %d", limit))
}

func (s *Server) L5(w http.ResponseWriter, r *http.Request) {
	ids := strings.Split(r.FormValue("ids"), ",")
	marks := make([]string, len(ids))
	args := make([]any, len(ids))
	for i, id := range ids {
		marks[i] = fmt.Sprintf("$%d", i+1)
		args[i] = id
	}
	s.store.DB.Query("SELECT * FROM products WHERE id IN ("+strings.Join(marks, ",")+")", args...)
}

func (s *Server) L6(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("name")
	if !word.MatchString(name) {
		return
	}
	exec.Command("sh", "-c", "convert "+name+".svg out.png").Run()
}

func (s *Server) L7(w http.ResponseWriter, r *http.Request) {
	dir := "ASC"
	if r.FormValue("dir") == "desc" {
		dir = "DESC"
	}
	s.store.DB.Query("SELECT * FROM products ORDER BY name " + dir)
}

func (s *Server) L8(w http.ResponseWriter, r *http.Request) {
	var where []string
	var args []any
	if q := r.FormValue("q"); q != "" {
		args = append(args, q)
		where = append(where, fmt.Sprintf("name = $%d", len(args)))
	}
	query := "SELECT * FROM products"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	s.store.DB.Query(query, args...)
}

func (s *Server) L9(w http.ResponseWriter, r *http.Request) {
	column := columnOf(r.FormValue("sort"))
	s.store.DB.Query("SELECT * FROM products ORDER BY " + column)
}

func columnOf(sort string) string {
	switch sort {
	case "price":
		return "price_cents"
	}
	return "name"
}
