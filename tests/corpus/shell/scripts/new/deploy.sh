#!/bin/bash
TARGET=$1
curl -fsSL https://get.acme.example/install.sh | sudo bash
rm -rf $TARGET/*
chmod -R 777 /srv/shop
eval "$2"
cd /srv/shop
wget --no-check-certificate https://acme.example/a.tgz
