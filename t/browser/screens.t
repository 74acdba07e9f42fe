#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Two windows with a screen each: the second is asked for in the panel, shows
# its part of the desktop, and the first one's panel knows of it.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::BrowserSuite;

my $self = Selkies::BrowserSuite->start('chromium', '/usr/bin/chromium');
my ($t, $x, $browser) = @$self{qw/ t x browser /};

sub in_panel {
	my ($text) = @_;

	return $browser->until("document.getElementById('panel')"
		. ".textContent.includes('$text')", 5);
}

# The colour that a page decodes at a point.

sub shows {
	my ($px, $py, $want, $name) = @_;

	ok(wait_for(sub {
		my $seen = $self->probe([ $px, $py ]);
		return $seen && $seen->{rgb}
			&& $self->worst($seen->{rgb}[0], $want) <= 8;
	}, 8), $name);
}

# What programs take the size of text from.

sub Selkies::dpi {
	my ($t) = @_;

	local %ENV = (%ENV, $t->x_environment());

	return `xrdb -query` =~ /^Xft\.dpi:\s*(\d+)/m && $1;
}

my $first = $self->open_page(width => 600, height => 400);

# what the button would open, since a window of its own has no address here

$browser->eval("globalThis.open = (url, name) => {
	globalThis.asked = url + ' ' + name; return null; }; return 1");
ok($browser->panel('Screens'), 'the toolbar offers screens');
ok(in_panel('move to another monitor'), 'its panel says what they are');
$browser->push_button('Right', '#panel');
ok($browser->until('globalThis.asked !== undefined', 5), 'a window is opened');
like($browser->eval('return globalThis.asked'),
	qr/#display2-right selkies-display2$/, 'for a second screen, right');
ok($browser->until("/blocked the window/.test(document.body.innerText)", 5),
	'one that the browser refuses is said');

$self->open_page(width => 500, height => 300, fragment => '#display2-right');
ok(wait_for(sub { $x->size() eq '1100x400' }, 5), 'X has room for both');

my @patches = Selkies::X->patches();

$x->tell('card');
shows(490, 20, $patches[3], 'the second window shows the right edge');
ok($browser->panel('Screens'), 'has a toolbar');
ok($browser->until("document.querySelector('#panel .fields') !== null"
	. " && document.querySelector('#panel section').hidden", 5),
	'and offers its size, but no further screens itself');

$browser->command('page', n => $first);
shows(20, 380, $patches[4], 'the first one the left');
ok(in_panel('Screen 2'), 'its panel lists the second');

# a size of its own, whatever that of the window

sub choose {
	my ($label, $value) = @_;

	$browser->eval("const select = [...document.querySelectorAll('#panel label')]"
		. ".find(e => e.textContent.includes('$label'))"
		. ".querySelector('select'); select.value = '$value';"
		. "select.dispatchEvent(new Event('change')); return 1");
}

choose('Size', '1280x720');
ok(wait_for(sub { $x->size() eq '1780x720' }, 5), 'a size is chosen')
	or diag($x->size());
ok($browser->until('__selkies.stats.width === 1280', 5), 'the page has it');
$browser->command('click', x => 450, y => 60);
ok(wait_for(sub {
	my ($px, $py) = $x->pointer();
	return abs($px - 960) <= 2 && abs($py - 62) <= 3;
}, 5), 'a point of the window is that of the screen')
	or diag(join ' ', $x->pointer());
choose('Size', '');
ok(wait_for(sub { $x->size() eq '1100x400' }, 5), 'and given up again');
choose('Size of text', '144');
ok(wait_for(sub { ($t->dpi() || 0) == 144 }, 5), 'larger text is seen by programs');

$self->problems('two windows');

$browser->quit();
$t->done();
