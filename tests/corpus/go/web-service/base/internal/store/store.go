package store

import (
	"context"
	"database/sql"
	"fmt"
)

type Store struct{ DB *sql.DB }

func (s *Store) Search(ctx context.Context, table, term string) (*sql.Rows, error) {
	return s.DB.QueryContext(ctx, fmt.Sprintf("SELECT * FROM %s WHERE name LIKE '%%%s%%'", table, term))
}

func (s *Store) ByID(ctx context.Context, id string) *sql.Row {
	return s.DB.QueryRowContext(ctx, "SELECT * FROM products WHERE id = $1", id)
}
