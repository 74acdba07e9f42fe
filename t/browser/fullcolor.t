#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# 4:4:4 in browsers: one that decodes it shows it; one that does not asks for
# 4:2:0, and says so where the operator insists.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::X;

my %browsers = (chromium => '/usr/bin/chromium',
	firefox => '/usr/bin/firefox-esr');
my @found = grep { !Selkies::Browser->missing($browsers{$_}) }
	sort keys %browsers;

plan(skip_all => 'no browser') unless @found;

my $t = Selkies->new(x => '1280x720', timeout => 180);

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;
        location / { root %%WEB%%; %%SELKIES%% selkies_h264_fullcolor on; }
    }

    server {
        listen %%PORT_1%%;
        include %%WEB%%/../conf/selkies-headers.conf;
        location / {
            root %%WEB%%; %%SELKIES%%
            selkies_h264_fullcolor on|locked;
        }
    }
}
EOC

my $x = $t->x_client();

$x->tell('card');
$t->run();

for my $name (@found) {
	my $b = Selkies::Browser->new($t, $name, $browsers{$name});
	my $page = sub {
		$b->command('open', url => 'http://localhost:' . $t->port($_[0])
			. '/?probe=1', width => 640, height => 480, dpr => 1);
	};
	my $codec = "globalThis.__selkies && __selkies.state === 'live' && __selkies.stats.codec";

	$page->(0);

	my $shown = $b->until("(() => { const codec = $codec;
		return codec && (codec.startsWith('avc1.f4')
			|| codec.startsWith('avc1.42')) && codec; })()", 20) || '';

	if ($name eq 'chromium') {
		like($shown, qr/^avc1\.f4/, "$name shows 4:4:4");

	} else {
		like($shown, qr/^avc1\.(?:f4|42)/, "$name has a picture: $shown");
	}

	my $full = $shown =~ /f4/;

	$page->(1);

	# who cannot show it may have seen the last picture of the stream before,
	# and has that codec until its decoder fails

	my $end = $b->until($full ? "(() => { const codec = $codec;
		return codec && codec.startsWith('avc1.f4') && codec; })()"
		: "document.body.innerText.includes('cannot show full colour')
			&& 'told'", 20) || '';

	is($end, $full ? $shown : 'told', "$name: what it cannot show it says")
		or diag($end);
	$b->quit();
}

$t->done();
