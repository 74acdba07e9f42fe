#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The client with the encoders that send rows: JPEG images and H.264 stripes,
# in Debian's chromium and firefox.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::BrowserSuite;

my %path = (chromium => '/usr/bin/chromium', firefox => '/usr/bin/firefox-esr');
my @browsers = grep { !Selkies::Browser->missing($path{$_}) } sort keys %path;

plan(skip_all => 'no browser') unless @browsers;

my $t = Selkies->new(x => '1920x1200', workers => 2, timeout => 240);

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;

        location /jpeg/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_encoder jpeg;
            selkies_paint_over_jpeg_quality 95;
        }

        location /striped/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_encoder x264enc-striped;
        }

        location /whole/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_encoder x264enc;
        }
    }
}
EOC

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub pixel {
	my ($suite, $px, $py, $colour, $name) = @_;

	my @want = map { hex } $colour =~ /../g;
	my $worst = 255;

	wait_for {
		my $seen = $suite->probe([ $px, $py ]);

		$worst = $seen && $seen->{rgb} && $seen->{rgb}[0]
			? $suite->worst($seen->{rgb}[0], \@want) : 255;
		$worst <= 6;
	} 6;

	cmp_ok($worst, '<=', 6, $name);
}

for my $name (@browsers) {
	my $browser = Selkies::Browser->new($t, $name, $path{$name});

	for my $mode (qw/ jpeg striped whole jpeg /) {
		# stripes are drawn on a canvas: there chromium, too, converts with
		# the few bits that Selkies::BrowserSuite::worst() tells of
		my $suite = bless { t => $t, x => $x,
			name => $mode eq 'striped' ? "$name canvas" : $name,
			browser => $browser,
			url => 'http://localhost:' . $t->port() . "/$mode/" },
			'Selkies::BrowserSuite';

		$x->tell('card');
		$suite->open_page(width => 1000, height => 602);
		ok(wait_for(sub { $x->size() eq '1000x602' }, 8), "$name: its size");
		$suite->card_is_right("$name, $mode");

		# over the edge of two rows, and in the last one, of 26 lines
		$x->draw(300, 180, 40, 24, 'ff8020');
		pixel($suite, 320, 186, 'ff8020', "$name, $mode: above an edge");
		pixel($suite, 320, 198, 'ff8020', "$name, $mode: below it");
		$x->draw(900, 590, 40, 12, '2040ff');
		pixel($suite, 920, 596, '2040ff', "$name, $mode: the last row");

		$browser->until('__selkies.stats.codec', 5);
		like($browser->eval('return __selkies.stats.codec'),
			$mode eq 'jpeg' ? qr/^jpeg$/ : qr/^avc1/, "$name, $mode: codec");

		# a scene, a smaller window
		$x->tell('motion 30 0 0 1000 600');
		ok($browser->until('__selkies.stats.fps > 5', 10),
			"$name, $mode: it moves");
		$x->tell('still');
		$browser->command('viewport', width => 800, height => 500);
		ok(wait_for(sub { $x->size() eq '800x500' }, 8), "$name: resized");
		$x->tell('card');
		$suite->card_is_right("$name, $mode, resized");
		is($browser->eval('return __selkies.stats.foreign'), 0,
			"$name, $mode: nothing was left over");
		is_deeply($browser->command('problems'), [],
			"$name, $mode: no error in the console");
		$suite->close_page();
	}

	$browser->quit();
}

$t->done();
