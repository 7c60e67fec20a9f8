resource "aws_s3_bucket" "orders" {
  bucket = "acme-orders"
  acl    = "public-read"
}

resource "aws_security_group" "web" {
  name = "web"
  ingress {
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_db_instance" "shop" {
  engine                  = "postgres"
  instance_class          = "db.t3.micro"
  allocated_storage       = 20
  publicly_accessible     = true
  storage_encrypted       = false
  password                = "correct horse battery"
  backup_retention_period = 0
  skip_final_snapshot     = true
}

resource "aws_iam_policy" "all" {
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }]
  })
}

module "network" {
  source = "terraform-aws-modules/vpc/aws"
}
