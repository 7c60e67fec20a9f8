resource "aws_security_group_rule" "web" {
  type              = "ingress"
  from_port         = 5432
  to_port           = 5432
  protocol          = "tcp"
  cidr_blocks       = ["0.0.0.0/0"]
  security_group_id = aws_security_group.web.id
}

resource "aws_ebs_volume" "old" {
  availability_zone = "eu-central-1a"
  size              = 20
}

resource "aws_instance" "shop" {
  ami           = var.image
  instance_type = "t3.small"
  metadata_options {
    http_tokens = "optional"
  }
}
