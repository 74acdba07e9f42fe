#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A page that joins behind more than a thousand pictures: its decoder takes
# them all at once, in Debian's chromium and firefox.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::Browser;
use Selkies::BrowserSuite;
use Selkies::HTTP;
use Selkies::WebSocket;
use Selkies::X;

my %path = (chromium => '/usr/bin/chromium', firefox => '/usr/bin/firefox-esr');
my @browsers = grep { !Selkies::Browser->missing($path{$_}) } sort keys %path;

plan(skip_all => 'no browser') unless @browsers;

my $t = Selkies->new(x => '1000x600', timeout => 240);

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;

        location / {
            root %%WEB%%;
            %%SELKIES%%
        }
    }
}
EOC

my $x = $t->x_client();

$x->tell('card');
$t->run();

my $c = Selkies::WebSocket->controller($t, 1000, 600,
	settings => { framerate => 240 });

$c->{keep} = 0;
$x->tell('motion 240 200 200 16 16');
ok($c->wait_until(sub { $c->{nframes} > 1200 }, 60), '1200 pictures');
$x->tell('still');
$x->tell('card');
$x->draw(600, 400, 60, 60, 'e010a0');
$c->wait_quiet(1, 10);

sub statistics {
	my (undef, $body) = split /\r\n\r\n/, $t->http_get('/api/status'), 2;

	return decode_json($body)->{statistics};
}

for my $name (@browsers) {
	my $before = statistics();
	my $suite = Selkies::BrowserSuite->attach($t, $x, $name, $path{$name});
	my $worst = 255;

	$c->run_for(0.1);
	$suite->open_page(fragment => '#shared');
	wait_for {
		$c->run_for(0.1);

		my $seen = $suite->probe([ 630, 430 ]);

		$worst = $seen && $seen->{rgb} && $seen->{rgb}[0]
			? $suite->worst($seen->{rgb}[0], [ 0xe0, 0x10, 0xa0 ]) : 255;
		$worst <= 6;
	} 10;
	cmp_ok($worst, '<=', 6, "$name: the present picture");
	is(statistics()->{keys}, $before->{keys}, "$name: without a key");
	cmp_ok(statistics()->{joins}, '>', $before->{joins}, "$name: by the cache");
	$suite->{browser}->quit();
}

ok($c->is_open(), 'the controller has noticed nothing');
$c->close();
$t->done();
