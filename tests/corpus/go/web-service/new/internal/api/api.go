package api

import (
	"crypto/md5"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/golang-jwt/jwt/v5"

	"example.com/shop/internal/store"
)

var jwtKey = []byte("my-shop-signing-key")

var columns = map[string]string{"name": "name", "price": "price_cents"}

var partners = []string{"https://api.acme.test", "https://api.globex.test"}

type Server struct {
	store *store.Store
	cache map[string]string
	mu    sync.Mutex
}

func (s *Server) Search(w http.ResponseWriter, r *http.Request) {
	rows, err := s.store.Search(r.Context(), "products", r.URL.Query().Get("q"))
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	defer rows.Close()
	json.NewEncoder(w).Encode(rows)
}

func (s *Server) Sorted(w http.ResponseWriter, r *http.Request) {
	column, ok := columns[r.FormValue("sort")]
	if !ok {
		column = "name"
	}
	rows, err := s.store.DB.QueryContext(r.Context(), "SELECT * FROM products ORDER BY "+column)
	if err != nil {
		http.Error(w, "failed", http.StatusInternalServerError)
		return
	}
	defer rows.Close()
}

func (s *Server) Download(w http.ResponseWriter, r *http.Request) {
	data, err := os.ReadFile(filepath.Join("/var/files", r.URL.Query().Get("name")))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Write(data)
}

func (s *Server) SafeDownload(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !filepath.IsLocal(name) {
		http.NotFound(w, r)
		return
	}
	http.ServeFile(w, r, filepath.Join("/var/files", name))
}

func (s *Server) Hook(w http.ResponseWriter, r *http.Request) {
	resp, err := http.Get(r.FormValue("url"))
	if err != nil {
		http.Error(w, "failed", http.StatusBadGateway)
		return
	}
	io.Copy(w, resp.Body)
}

func (s *Server) Partner(w http.ResponseWriter, r *http.Request) {
	base := r.FormValue("base")
	if !slices.Contains(partners, base) {
		http.Error(w, "unknown", http.StatusBadRequest)
		return
	}
	resp, err := http.Get(base + "/status")
	if err != nil {
		http.Error(w, "failed", http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	io.Copy(w, resp.Body)
}

func (s *Server) Convert(w http.ResponseWriter, r *http.Request) {
	exec.Command("sh", "-c", "convert "+r.FormValue("name")+" out.png").Run()
}

func (s *Server) Convert2(w http.ResponseWriter, r *http.Request) {
	if err := exec.CommandContext(r.Context(), "convert", "--", r.FormValue("name"), "out.png").Run(); err != nil {
		http.Error(w, "failed", http.StatusInternalServerError)
	}
}

func (s *Server) Report(w http.ResponseWriter, r *http.Request) {
	for _, id := range strings.Split(r.FormValue("ids"), ",") {
		row := s.store.ByID(r.Context(), id)
		var name string
		if err := row.Scan(&name); err != nil {
			continue
		}
		fmt.Fprintln(w, name)
	}
}

func (s *Server) Hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "<h1>Hello %s</h1>", r.FormValue("name"))
}

func (s *Server) Hello2(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "<h1>Hello %s</h1>", template.HTMLEscapeString(r.FormValue("name")))
}

func (s *Server) Token(w http.ResponseWriter, r *http.Request) {
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"id": r.FormValue("id")})
	signed, _ := token.SignedString(jwtKey)
	reset := fmt.Sprintf("%d", rand.Int63())
	sum := md5.Sum([]byte(r.FormValue("password")))
	fmt.Fprint(w, signed, reset, sum)
}

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

func (s *Server) Remember(w http.ResponseWriter, r *http.Request) {
	s.cache[r.FormValue("k")] = r.FormValue("v")
	s.mu.Lock()
	if r.FormValue("k") == "" {
		return
	}
	s.mu.Unlock()
}

func (s *Server) Next(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, r.FormValue("next"), http.StatusFound)
}
